"""What a search is to start from, as users give it: a solution, values by variable or name, or all values in order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.libraries import Pairs, matched, shared
from nbqueue.solvers.parameters import unknown_name
from nbqueue.solvers.solution import Solution
from nbqueue.solvers.variables import Variables, allows, words


def check(hint: Any) -> None:
    """Raise ConfigurationError for what is no hint of any model."""
    if hint is None or isinstance(hint, Solution):
        return
    if isinstance(hint, str | bytes | AbstractSet) or not hasattr(hint, "__iter__"):
        raise ConfigurationError(
            f"hint={hint!r} cannot be used: give a Solution, a dict of values by variable or name, or all values."
        )
    if isinstance(hint, Mapping):
        for key, value in hint.items():
            _number(str(key), value)


def pairs(hint: Any, of: Variables) -> Pairs:
    """The places of variables in the model and the values to start them from.

    Args:
        hint: a Solution (where the variables have other names than here, by those that are the same; its values may
            have become too large or too small since), a dict of values by variable, name or place, or all values in the
            model's order.
        of: the variables of the model.

    Raises:
        ConfigurationError: it cannot be used; names what is wrong.
    """
    check(hint)
    if hint is None:
        return []
    if isinstance(hint, Solution):
        return matched(hint.vector or (), hint.names, of.names)
    if isinstance(hint, Mapping):
        places = {name: index for index, name in enumerate(of.names) if name}
        _refuse_shared(hint, of)
        found = [(_place(key, places, of), value) for key, value in hint.items()]
    else:
        found = list(enumerate(hint))
        if len(found) != len(of.names):
            raise ConfigurationError(
                f"hint has {len(found)} values, and the model has {len(of.names)} variables: give one for each, or a "
                "dict."
            )
    return [(place, _allowed(place, value, of)) for place, value in found]


def _refuse_shared(hint: Mapping[Any, Any], of: Variables) -> None:
    for name, count in shared(of.names).items():
        if name in hint:
            raise ConfigurationError(
                f'hint names a variable "{name}", and {count} variables of the model are called so: give the variable '
                "itself, or its place."
            )


def _place(key: Any, places: Mapping[str, int], of: Variables) -> int:
    if isinstance(key, str):
        if key not in places:
            raise unknown_name("hint names a variable", key, places)
        return places[key]
    found = key if isinstance(key, int) else of.place(key)
    if found is None:
        raise ConfigurationError(f"hint has the key {key!r}: give variables of the model, their names or places.")
    count = len(of.names)
    if not 0 <= found < count:
        raise ConfigurationError(f"hint has a variable at place {found}, and the model has {count}: is it of another?")
    called = None if isinstance(key, int) else of.called(key)
    if called is not None and called != of.names[found]:
        raise ConfigurationError(
            f"hint has {_quoted(called)}, which is not of this model: at its place {found} that has "
            f"{_quoted(of.names[found])}."
        )
    return found


def _quoted(name: str) -> str:
    return f'the variable "{name}"' if name else "a variable without a name"


def _allowed(place: int, value: Any, of: Variables) -> float:
    """The value as a number that the variable may have."""
    number, spans = _number(of.title(place), value), of.spans(place)
    if not allows(spans, number):
        raise ConfigurationError(
            f"hint gives {of.title(place)} the value {number!r}, which it cannot have: give {words(spans)}."
        )
    return number


def _number(title: str, value: Any) -> float:
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, int | float) or math.isnan(number):
        raise ConfigurationError(f"hint gives {title} the value {value!r}: give numbers.")
    return number
