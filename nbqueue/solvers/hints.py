"""What a search is to start from, as users give it: a solution, values by variable or name, or all values in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.libraries import Pairs, matched, shared
from nbqueue.solvers.parameters import unknown_name
from nbqueue.solvers.solution import Solution


def pairs(hint: Any, names: Sequence[str], place: Callable[[Any], int | None]) -> Pairs:
    """The places of variables in the model and the values to start them from.

    Args:
        hint: a Solution (where the variables have other names than here, by those that are the same), a dict of values
            by variable, name or place, or all values in the model's order.
        names: what the model's variables are called; "" where they have no name.
        place: the place of a variable object; None for anything else.

    Raises:
        ConfigurationError: it cannot be used; names what is wrong.
    """
    if hint is None:
        return []
    if isinstance(hint, Solution):
        return matched(hint.vector or (), hint.names, names)
    if isinstance(hint, Mapping):
        places = {name: index for index, name in enumerate(names) if name}
        _refuse_shared(hint, names)
        return [(_place(key, places, len(names), place), _number(key, value)) for key, value in hint.items()]
    if isinstance(hint, str | bytes) or not hasattr(hint, "__iter__"):
        raise ConfigurationError(
            f"hint={hint!r} cannot be used: give a Solution, a dict of values by variable or name, or all values."
        )
    values = list(hint)
    if len(values) != len(names):
        raise ConfigurationError(
            f"hint has {len(values)} values, and the model has {len(names)} variables: give one for each, or a dict."
        )
    return [(index, _number(names[index] or index, value)) for index, value in enumerate(values)]


def _refuse_shared(hint: Mapping[Any, Any], names: Sequence[str]) -> None:
    for name, count in shared(names).items():
        if name in hint:
            raise ConfigurationError(
                f'hint names a variable "{name}", and {count} variables of the model are called so: give the variable '
                "itself, or its place."
            )


def _place(key: Any, places: Mapping[str, int], count: int, place: Callable[[Any], int | None]) -> int:
    if isinstance(key, str):
        if key not in places:
            raise unknown_name("hint names a variable", key, places)
        return places[key]
    found = key if isinstance(key, int) else place(key)
    if found is None:
        raise ConfigurationError(f"hint has the key {key!r}: give variables of the model, their names or places.")
    if not 0 <= found < count:
        raise ConfigurationError(f"hint has a variable at place {found}, and the model has {count}: is it of another?")
    return found


def _number(key: object, value: Any) -> float:
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, int | float):
        raise ConfigurationError(f"hint gives {key!s} the value {value!r}: give numbers.")
    return number
