"""A call that cannot be made is refused at once; one that can be, never."""

from __future__ import annotations

import functools
import inspect
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.client.tasks import task
from nbqueue.errors import ConfigurationError, NotSendable
from nbqueue.model.signatures import check_call
from tests.waiting import SLACK


def solve(model: str, gap: float = 0.1, *, seed: int = 0) -> str:
    """A call, in words."""
    return f"{model} {gap} {seed}"


class Solver:
    """Has methods."""

    def run(self, model: str) -> str:
        """The model."""
        return model

    def __call__(self, model: str) -> str:
        """The model."""
        return model


OPTION = " Options of the job are given as in nbqueue.options(timeout=...).submit(...)."
TAKES = " It takes (model, gap=..., *, seed=...)."
MISSING = "missing a required argument: 'model'"
METHOD = " It takes (model)."
REFUSED = {
    "missing": (solve, (), {}, f"solve cannot be called so: {MISSING}.{TAKES}"),
    "surplus": (solve, ("m", 1, 2), {}, "solve cannot be called so: too many positional arguments." + TAKES),
    "misspelt": (
        solve, ("m",), {"gpa": 1},
        f"solve cannot be called so: got an unexpected keyword argument 'gpa'.{TAKES} Did you mean gap=?",
    ),
    "an option": (
        solve, ("m",), {"timeout": 1},
        f"solve cannot be called so: got an unexpected keyword argument 'timeout'.{TAKES}{OPTION}",
    ),
    "a method": (Solver().run, (), {}, f"Solver.run cannot be called so: {MISSING}.{METHOD}"),
    "a partial": (
        functools.partial(Solver().run, "m"), ("n",), {},
        f"Solver.run cannot be called so: too many positional arguments.{METHOD}",
    ),
    "a built-in one": (
        math.gcd, (), {"number": 1},
        "gcd cannot be called so: got an unexpected keyword argument 'number'. It takes (*integers).",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fn", "args", "kwargs", "sentence"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("running_engine")
def test_a_call_that_cannot_be_made_is_refused(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], sentence: str
) -> None:
    """The sentence says what is wrong and what the function takes; nothing is submitted."""
    with pytest.raises(NotSendable) as raised:
        submit(fn, *args, **kwargs)
    assert str(raised.value) == sentence
    assert isinstance(raised.value, TypeError)


@pytest.mark.usefixtures("running_engine")
def test_so_is_one_of_many_and_of_a_task() -> None:
    """A map of too many or too few iterables is refused, with batch= too, and so is a task's call."""
    named: Any = task(name="signatures.solve")(solve)
    for refused in (
        lambda: submit_map(solve, [1], [2], [3]),
        lambda: options(batch=2).submit_map(Solver().run, [1], [2]),
        lambda: submit(named),
        lambda: submit_map(named, [1], [2], [3]),
    ):
        with pytest.raises(NotSendable, match="cannot be called so"):
            refused()


def test_a_map_goes_over_iterables() -> None:
    """What cannot be gone over is refused by its type and value."""
    nothing: Any = 5
    with pytest.raises(ConfigurationError) as raised:
        submit_map(solve, [1], nothing)
    assert str(raised.value) == (
        "submit_map cannot go over int 5: give an iterable for each argument of the function, as in "
        "submit_map(fn, [1, 2, 3])."
    )


def injecting(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Calls it with one argument more."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn("m", *args, **kwargs)

    return wrapper


def signed(model: str) -> str:
    """Has a signature that is not its own."""
    return model


signed.__signature__ = inspect.Signature()  # type: ignore[attr-defined]


class First(functools.partial):  # type: ignore[type-arg]
    """Gives an argument when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it so."""
        return super().__call__("m", *args, **kwargs)


ACCEPTED = {
    "a decorator that gives an argument": (injecting(solve), ()),
    "a signature that somebody set": (signed, ("m",)),
    "a partial of another class": (First(solve), ()),
    "an object": (Solver(), ("m",)),
    "a class": (dict, ([("a", 1)],)),
    "a built-in one": (math.hypot, (3.0, 4.0)),
    "one without a signature": (max, (1, 2)),
}


@pytest.mark.parametrize(("fn", "args"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_runs_is_accepted(fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """What Python does not tell for sure is left to the call."""
    assert (accepts(fn, args, {}), runs(fn, args, {})) == (True, True)


def accepts(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a check lets this call be."""
    try:
        check_call(fn, args, kwargs)
    except NotSendable:
        return False
    return True


def runs(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether Python makes this call."""
    try:
        fn(*args, **kwargs)
    except TypeError:
        return False
    return True


PARAMETERS = (
    "",
    "a",
    "a, b",
    "a, b=1",
    "a=1, b=2",
    "a, /, b",
    "*a",
    "a, *, b",
    "a, *, b=1",
    "**a",
    "a, *b, c, **d",
    "a=1, *, b",
)


@given(
    st.sampled_from(PARAMETERS), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.just(1)),
    st.none() | st.tuples(st.lists(st.just(0), max_size=2), st.dictionaries(st.sampled_from("abc"), st.just(2))),
)  # fmt: skip
def test_it_says_what_python_says(
    parameters: str, args: list[int], kwargs: dict[str, int], bound: tuple[list[int], dict[str, int]] | None
) -> None:
    """For functions of Python, bound beforehand or not, a call is refused exactly where Python refuses it."""
    fn: Callable[..., Any] = eval(f"lambda {parameters}: None")
    if bound is not None:
        fn = functools.partial(fn, *bound[0], **bound[1])
    assert accepts(fn, tuple(args), kwargs) == runs(fn, tuple(args), kwargs)


def test_it_costs_next_to_nothing() -> None:
    """A thousand calls are looked at in a few milliseconds."""
    began = time.perf_counter()
    for _ in range(1000):
        check_call(solve, ("m", 1), {"seed": 1})
    assert time.perf_counter() - began < SLACK
