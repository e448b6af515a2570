"""What a cell needs from before and what it assigns is found without running it."""

from __future__ import annotations

import ast

import pytest

from nbqueue.notebook.cell_names import names_of

#: code, the names it needs, the names it assigns
CELLS = {
    "a name is read before it is assigned": ("x = x + y", "x y", "x"),
    "a name is assigned first": ("x = 1\nx = x + 1", "", "x"),
    "only one branch assigns": ("if a:\n    x = 1\nx", "a x", "x"),
    "both branches assign": ("if a:\n    x = 1\nelse:\n    x = 2\nx", "a", "x"),
    "a loop may run never": ("for i in xs:\n    t = i\nelse:\n    e = 1\nt", "xs t", "e i t"),
    "a loop goes on": ("while go:\n    if a: break\n    continue", "go a", ""),
    "with": ("with a as (b, c[k]), d:\n    e = b\ne", "a c k d", "b e"),
    "try": ("try:\n    x = f()\nexcept E as e:\n    x = e\nfinally:\n    z = 1\nx, z", "f E", "e x z"),
    "try that may fail": ("try:\n    x = f()\nexcept E:\n    pass\nx", "f E x", "x"),
    "match": ("match s:\n    case P(a=1), *r if r: r\n    case {'k': v, **m}: v, m\n    case o: o", "s P", "m o r v"),
    "a function": ("def f(a, b=c):\n    d = a + e\n    return f(d)\nf(1)", "c e", "f"),
    "a function reads what comes later": ("def f():\n    return x\nx = 1", "x", "f x"),
    "a function assigns": ("def f():\n    global g\n    g = h", "h", "f g"),
    "a class": ("class A(B):\n    x = y\n    z = x\n    def m(self): return self.x + q", "B y q", "A"),
    "a lambda and a comprehension": ("[g(a) for a in xs if a > k]\nlambda b: b + c", "g xs k c", ""),
    "an item and an attribute": ("a[i] = b.c\ndel d", "a i b", ""),
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
