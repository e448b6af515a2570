"""What a call says of the family of process that it wants, as its pickling and its code show."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from nbqueue.broker import codec
from nbqueue.broker.travel import noting, signs_of


def signs(fn: Callable[..., Any], *args: Any) -> set[str]:
    """What is met while a call is pickled."""
    with noting() as found:
        codec.dump_call(fn, args, {})
    return found


@pytest.fixture
def cvxpy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of that name, with a class and a function; the real one takes long to load."""
    module: Any = ModuleType("cvxpy")
    problem = type("Problem", (), {"__module__": "cvxpy"})

    def solve() -> None:
        """Solve."""

    solve.__module__, solve.__qualname__ = "cvxpy", "solve"
    module.Problem, module.solve = problem, solve
    monkeypatch.setitem(sys.modules, "cvxpy", module)
    return module


def test_imports_in_the_code_count() -> None:
    """Also those of functions in functions, and of functions among the arguments."""

    def imports() -> None:
        from ortools.sat.python import cp_model

        del cp_model

    def deep() -> Any:
        return [lambda: imports]

    assert [signs(imports), signs(deep), signs(len, imports)] == [{"ortools"}] * 3


def test_what_is_met_counts(cvxpy: Any) -> None:
    """Modules, functions, classes and instances of a package, wherever they are in the call."""

    def plain(*args: object) -> Any:
        return args

    calls: list[tuple[Any, ...]] = [
        (lambda: cvxpy,), (cvxpy.solve,), (plain, cvxpy.Problem), (plain, [{"a": cvxpy.Problem()}]),
    ]  # fmt: skip
    assert [signs(*each) for each in calls] == [{"cvxpy"}] * 4
    assert signs(plain, 1, {"cvxpy": "ortools"}) == set()


def test_code_that_stays_on_a_worker_says_it_too(cvxpy: Any) -> None:
    """A registered function is looked at there, with the modules and functions that it reads from its own module."""
    names = {"lib": cvxpy, "solve": cvxpy.solve, "alone": lambda: None}
    exec("def a(): return lib\ndef b(): return solve()\ndef c(): import highspy\ndef d(): return alone()", names)
    functions: list[Any] = [names[each] for each in "abcd"]
    assert [signs_of(each) for each in (*functions, partial(functions[0]), len)] == [
        {"cvxpy"}, {"cvxpy"}, {"highspy"}, set(), {"cvxpy"}, set(),
    ]  # fmt: skip
