"""What is known of a call before a job is made of it, by the function itself: whether it can be, and what it is called.

A function has a foresight of its own where its arguments can be judged without what it loads on the worker:

    @foresees(check=_check, label=_label)
    def solve(model, *, time_limit=None): ...

Both get a `Given`. `submit`, `run`, `submit_map` and `schedule` ask them before anything is sent: what `check` raises
is raised there, and the label stands for one that was not given. The function calls `check` itself with the same
mapping, as not each call is a job's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from nbqueue.model.output import Output
from nbqueue.model.task import Task, printable_label

#: arguments by the names of the function's parameters (`*args` as a tuple, `**kwargs` as a dict); without those that
#: were left to their defaults, and without those that hold results of other jobs, which nobody has yet
Given = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_MANY = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What a function says of its calls."""

    #: raises for arguments that cannot be used; None: none are known
    check: Callable[[Given], object] | None = None
    #: raises for what is not at hand on this machine; asked where the job runs here, and waits for no other job
    check_here: Callable[[Given], object] | None = None
    #: what a job of the call is called; "" for the function's own name
    label: Callable[[Given], str] | None = None
    #: what was meant by an argument that it does not take, and that is near to none, as a sentence
    strange: Callable[[str], str] | None = None


_known: WeakKeyDictionary[FunctionType, Foresight] = WeakKeyDictionary()


def foresees(
    *, check: Callable[[Given], object] | None = None, check_here: Callable[[Given], object] | None = None,
    label: Callable[[Given], str] | None = None, strange: Callable[[str], str] | None = None,
) -> Callable[[F], F]:  # fmt: skip
    """A decorator: the function is as it was, and what it says of its calls is known in this process."""

    def known(fn: F) -> F:
        if isinstance(fn, FunctionType):
            _known[fn] = Foresight(check=check, check_here=check_here, label=label, strange=strange)
        return fn

    return known


def meant_by(fn: Callable[..., Any] | str, name: str) -> str:
    """What the function says of an argument that it does not take; empty where it says nothing."""
    found = _known.get(fn) if isinstance(fn, FunctionType) else None
    return "" if found is None or found.strange is None else found.strange(name)


class _Call(NamedTuple):
    """A call of a function that says something of it."""

    foresight: Foresight
    #: what is known of its arguments
    given: dict[str, Any]
    #: whether it takes results of other jobs
    waits: bool


def check(
    fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_here: bool = False
) -> None:
    """Raise what the function says of arguments that it cannot use; nothing where it says nothing.

    `is_here`: what is not at hand on this machine now will not be where the job runs, unless another one makes it.
    """
    found = _of(fn, args, kwargs)
    if found is None:
        return
    if found.foresight.check is not None:
        found.foresight.check(found.given)
    if is_here and not found.waits and found.foresight.check_here is not None:
        found.foresight.check_here(found.given)


def label(fn: Callable[..., Any] | str, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any]]]) -> str:
    """What jobs of these calls are called, as far as all are called the same; "" for the function's own name.

    Calls that differ have the label that the function gives to a call of which nothing is known.
    """
    names: set[str] = set()
    for args, kwargs in calls:
        found = _of(fn, args, kwargs)
        if found is None or found.foresight.label is None:
            return ""
        names.add(found.foresight.label(found.given))
        if len(names) > 1:
            return printable_label(found.foresight.label({}))
    return printable_label(names.pop()) if names else ""


def _of(fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Call | None:
    """The foresight of the function that is called in the end, and what that is given."""
    called: Any = fn
    while isinstance(called, partial | Task):
        if isinstance(called, partial):
            called, args, kwargs = called.func, (*called.args, *args), {**called.keywords, **kwargs}
        else:
            called = called.fn
    if not isinstance(called, FunctionType) or (foresight := _known.get(called)) is None:
        return None
    try:
        bound = inspect.signature(called).bind(*args, **kwargs)
    except TypeError:
        return None  # what does not fit its signature is refused for that
    kinds = bound.signature.parameters
    # what a function takes any number of, it looks at one by one
    known = {name: each for name, each in bound.arguments.items() if kinds[name].kind in _MANY or not _is_open(each)}
    return _Call(foresight, known, waits=len(known) < len(bound.arguments))


def _is_open(value: Any) -> bool:
    """Whether it is, or holds, the result of another job."""
    seen: set[int] = set()
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, Output):
            return True
        if isinstance(each, dict | list | tuple | set | frozenset) and id(each) not in seen:
            seen.add(id(each))
            left.extend(each.values() if isinstance(each, dict) else each)
    return False
