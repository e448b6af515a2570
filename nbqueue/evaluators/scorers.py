"""The scorers of an evaluation: functions, by the names of their scores."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

_ITEM = "item"


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
    return [Scorer(str(name), _function(fn), _takes_item(fn)) for name, fn in named.items()]


def _are_many(given: Any) -> bool:
    return isinstance(given, Iterable) and not callable(given)


def _named(functions: Iterable[Any]) -> list[tuple[str, Any]]:
    """Functions by their own names; lambdas and namesakes are told apart by a number."""
    found: dict[str, Any] = {}
    for fn in functions:
        own = getattr(_function(fn), "__name__", type(fn).__name__).strip("<>").replace("lambda", "score")
        name, number = own, 2
        while name in found:
            name, number = f"{own}_{number}", number + 1
        found[name] = fn
    return list(found.items())


def _function(fn: Any) -> Callable[..., Any]:
    if callable(fn):
        return fn  # type: ignore[no-any-return]
    raise ConfigurationError(
        f"scorers={shown(fn)} cannot be used: give a function of an output and a target, a list of such functions, or "
        "a dict of them by name."
    )


def _takes_item(fn: Any) -> bool:
    try:
        return _ITEM in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False
