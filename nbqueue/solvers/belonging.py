"""Whether a variable is of the model that was solved, as far as its place and the names of its model tell.

A model and its variables travel, so that they are other objects than those that were solved with. What cannot be told
apart: a variable of a model whose first variables are called as all of the one that was solved, in the same order.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from nbqueue.errors import InvalidModel

#: the model whose names were compared last, what it had of variables then, and the names that it has to have
_last: tuple[Callable[[], Any], Hashable, Sequence[str]] = (lambda: None, None, ())


def check(
    place: int, names: Sequence[str], *, called: str, model: Any, state: Hashable, there: Callable[[], Sequence[str]]
) -> None:
    """Raise InvalidModel for a variable that is surely of another model than the one that was solved.

    Args:
        place: of the variable in its own model.
        names: what the variables of the one that was solved are called, in order.
        called: what the variable is called.
        model: what holds its own model; None where that is not known.
        state: changes whenever a variable is added to that model or deleted.
        there: gives what the variables of that model are called, in order; asked once for many of its variables.
    """
    global _last  # noqa: PLW0603 - solutions are read value by value, and all names take their time
    if place >= len(names):
        raise _foreign(called, f"that has {len(names)} variables, and this is number {place + 1} of its model")
    if model is None or (_last[0]() is model and _last[1] == state and _last[2] is names):
        return
    found = tuple(there())
    if len(found) < len(names):
        raise _foreign(called, f"that has {len(names)} variables, and the model of this one {len(found)}")
    other = next((index for index, name in enumerate(names) if found[index] != name), None)
    if other is not None:
        pair = f'"{names[other]}" there, and "{found[other]}" in the model of this one'
        raise _foreign(called, f"number {other + 1} is {pair}")
    _last = (weakref.ref(model), state, names)


def _foreign(called: str, why: str) -> InvalidModel:
    what = f'the variable "{called}"' if called else "a variable"
    return InvalidModel(f"value() got {what}, which is not of the model that was solved: {why}.")
