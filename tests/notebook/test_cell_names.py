"""What a cell needs from before and what it assigns is found without running it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nbqueue.notebook.cell_names import names_of
from tests.notebook.programs import NAMES, outcome, programs

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
