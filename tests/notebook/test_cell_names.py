"""What a cell needs from before and what it assigns is found without running it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nbqueue.notebook.cell_names import names_of
from nbqueue.notebook.cell_unknown import unknown_names
from tests.notebook.programs import GIVEN, NAMES, outcome, programs

#: code, the names it needs, the names it assigns
CELLS = {
    "a name is read before it is assigned": ("x = x + y", "x y", "x"),
    "a name is assigned first": ("x = 1\nx = x + 1", "", "x"),
    "only one branch assigns": ("if a:\n    x = 1\nx", "a x", "x"),
    "both branches assign": ("if a:\n    x = 1\nelse:\n    x = 2\nx", "a", "x"),
    "a loop may run never": ("for i in xs:\n    t = i\nelse:\n    e = 1\nt", "xs t", "e i t"),
    "a loop goes on": ("while go:\n    if a: break\n    continue", "go a", ""),
    "with": ("with a as (b, c[k]), d:\n    e = b\ne", "a c k d e", "b e"),
    "try": ("try:\n    x = f()\nexcept E as e:\n    x = e\nfinally:\n    z = 1\nx, z", "f E", "e x z"),
    "try that may fail": ("try:\n    x = f()\nexcept E:\n    pass\nx", "f E x", "x"),
    "match": ("match s:\n    case P(a=1), *r if r: r\n    case {'k': v, **m}: v, m\n    case o: o", "s P", "m o r v"),
    "a function": ("def f(a, b=c):\n    d = a + e\n    return f(d)\nf(1)", "c e", "f"),
    "a function reads what comes later": ("def f():\n    return x\nx = 1", "x", "f x"),
    "a function assigns": ("def f():\n    global g\n    g = h", "h", "f g"),
    "a class": ("class A(B):\n    x = y\n    z = x\n    def m(self): return self.x + q", "B y q", "A"),
    "a lambda and a comprehension": ("[g(a) for a in xs if a > k]\nlambda b: b + c", "g xs k c", ""),
    "an item and an attribute": ("a[i] = b.c", "a i b", ""),
    "a name that is deleted was there": ("del a\nb = 1\ndel b\ndef f():\n    global c\n    del c", "a c", "b f"),
    "what it is with may swallow an error": ("with a, b as c:\n    x = c\nx, c", "a b x c", "c x"),
    "a class assigns in one branch": ("class A:\n    w = w\n    if a:\n        x = 1\n    y = x", "w a x", "A"),
    "a class deletes": ("class A:\n    x = 1\n    del x\n    y = x", "x", "A"),
    "a class of the same name": ("class A(A):\n    x = A.y\n    def m(self): return A", "A", "A"),
    "a condition may be left out": ("a and (x := 1)\nx\nb = (y := 1) if c else 2\ny", "a x c y", "x b y"),
    "a condition that is true": ("if a and (m := b):\n    m\nelif m:\n    pass", "a b m", "m"),
    "a condition of several": ("while (m := a) and m.b and (n := m) and n.c:\n    m, n\nm, n", "a n", "m n"),
    "a name or a new one": ("x = 1 if a else x\n(y := 1 if b else y)", "a x b y", "x y"),
    "a comprehension may run never": ("[(x := i) for i in xs]\nx", "xs x", "x"),
    "imports": ("import os.path\nfrom a import b as c\nos, c", "", "c os"),
    "await": ("async with a as b:\n    await b.c(d)\nasync for e in f: e", "a d f", "b e"),
    "an assignment in an expression": ("if (m := f(a)):\n    m", "f a", "m"),
}


@pytest.mark.parametrize(("code", "reads", "assigns"), CELLS.values(), ids=CELLS)
def test_names_of_a_cell(code: str, reads: str, assigns: str) -> None:
    """What a cell reads before it has surely assigned it comes from before."""
    found = names_of(ast.parse(code))
    names = {name for name in found.reads if not name.startswith("__")}
    assert (names, set(found.assigns), found.is_open) == (set(reads.split()), set(assigns.split()), False)


def test_a_star_may_assign_anything() -> None:
    """After `from module import *` nobody knows what was assigned."""
    assert names_of(ast.parse("from math import *\nsin(x)")).is_open


@given(programs(), st.lists(st.booleans(), max_size=12))
@settings(max_examples=150)
def test_what_is_read_is_enough(code: str, flips: list[bool]) -> None:
    """With those names alone that were found, a program does what it does with all there are."""
    try:
        tree = ast.parse(code)
        compile(code, "<program>", "exec")
    except SyntaxError:
        assume(False)  # noqa: FBT003 - `global` below a use, and the like
    reads = [name for name in NAMES if name in names_of(tree).reads]
    assert outcome(code, reads, flips) == outcome(code, NAMES, flips)


def unknown(code: str, *there: str, before: str = "") -> dict[str, int]:
    """What is unknown to this code after that before it, where these names are there."""
    namespace = dict.fromkeys(there)
    exec(before, namespace)
    tree = ast.parse(code)
    return unknown_names(tree, names_of(tree), namespace)


@pytest.mark.slow
@given(programs(), st.sets(st.sampled_from(NAMES)), st.lists(st.booleans(), max_size=12))
@settings(max_examples=500)
def test_no_program_that_runs_has_unknown_names(code: str, there: set[str], flips: list[bool]) -> None:
    """Where a name is called unknown the program cannot come to its end, whatever it does on its way."""
    try:
        found = unknown(code, *GIVEN, *there)
        compile(code, "<program>", "exec")
    except SyntaxError:
        assume(False)  # noqa: FBT003 - as above
    if found:
        assert not there & found.keys()
        assert outcome(code, sorted(there), flips)[1]


#: code, and the unknown names in it
UNKNOWN = {
    "an argument and an item": ("f(a, b=[c for c in d], *e)\nk[g] = 1", "a d e f g k"),
    "what a function, a class and a branch begin with": (
        "@a\ndef f(x=b, *, y=c): d\nclass C(e): g\nif h: i\nfor j in k: l\nwith m as n: o", "a b c e h k m"
    ),
    "what may be left out": ("True and a\n1 if True else b\n0 < 1 < c\nlambda: d\n[e for _ in []]\nassert 1, f", ""),
    "in try": ("try:\n    a\nexcept NameError:\n    b\nelse:\n    c\nfinally:\n    d\ne", "e"),
    "assigned somewhere": ("a\nif len(''): a = 1\ndef f():\n    global b\n    b = 1\nb\nimport d.e, g as h\nd, h", ""),
    "built-in and the module's own": ("print(len, __name__, __file__, In)", "In"),
    "after a loop that may go on for ever": ("while a:\n    b\nc", "a"),
    "a star": ("from math import *\na", ""),
    "in a text, and as a keyword": ("name('a, b')\na + b + c\nput(c=1)", "name put"),
    "by a function that makes names of ranges": ("sympy.var('x:3')\nx1", ""),
    "after an error": ("raise ValueError\na", ""),
    "by the dictionary": ("globals()[n] = 1\na", ""),
    "by another module": ("import icecream\nicecream.install()\nic(a)", ""),
    "an annotation": ("a: b = c\ndef f(x: d) -> e: ...", "c"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "names"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_names(code: str, names: str) -> None:
    """Unknown is what is read in any case, and is nowhere."""
    assert sorted(unknown(code)) == names.split()


@pytest.mark.parametrize(
    "before",
    [
        "def g():\n    global a\n    a = 1",
        "class G:\n    def __call__(self):\n        def inner():\n            global a; a = 1",
        "held = [lambda: globals().update(later)]",
        "def g():\n    sympy.var('a')",
    ],
)  # fmt: skip
def test_what_a_function_of_the_notebook_may_assign_is_not_unknown(before: str) -> None:
    """A function that came before may put a name in place when the cell calls it."""
    assert unknown("g()\na", "g", before=before) == {}
    assert unknown("g()\na", "g") == {"a": 2}
