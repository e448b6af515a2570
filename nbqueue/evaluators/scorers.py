"""The scorers of an evaluation: functions, by the names of their scores."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from nbqueue.evaluators.given_functions import check_function

_ITEM = "item"
_WANTED = (
    "a function of an output and a target (and item=, if it likes), a list of such functions, or a dict of them by name"
)


class Scorer(NamedTuple):
    """A function that judges an output."""

    #: of its score, where it answers one number
    name: str
    #: called with an output and its item's target
    fn: Callable[..., Any]
    #: whether it is called with `item=` as well
    takes_item: bool


def read(given: Any) -> list[Scorer]:
    """The scorers of a function, several, or a dict of them by name."""
    if given is None:
        return []
    named = given if isinstance(given, Mapping) else dict(_named(given if _are_many(given) else [given]))
    return [_scorer(str(name), fn) for name, fn in named.items()]


def _scorer(name: str, fn: Any) -> Scorer:
    """A function that can be called as scorers are."""
    takes_item = _takes_item(fn)
    args, more = (None, None), {_ITEM: None} if takes_item else {}
    return Scorer(name, check_function(fn, "scorers", _WANTED, args, more), takes_item)


def _are_many(given: Any) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str | bytes) and not callable(given)


def _named(functions: Iterable[Any]) -> list[tuple[str, Any]]:
    """Functions by their own names; lambdas and namesakes are told apart by a number."""
    found: dict[str, Any] = {}
    for fn in functions:
        own = str(getattr(fn, "__name__", type(fn).__name__)).strip("<>").replace("lambda", "score")
        name, number = own, 2
        while name in found:
            name, number = f"{own}_{number}", number + 1
        found[name] = fn
    return list(found.items())


def _takes_item(fn: Any) -> bool:
    try:
        return _ITEM in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False
