"""Whether a variable is of the model that was solved, as far as its place and the names of its model tell.

A model and its variables travel, so that they are other objects than those that were solved with. What cannot be told
apart: a variable of a model whose first variables are called as all of the one that was solved, in the same order.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from nbqueue.errors import InvalidModel

#: what is said of a comparison, which has no value
COMPARISON = "value() got a comparison, which is true or false: ask for the value of its sides and compare those."
#: so many names of solutions are known to be right, as those of several may be read in turn
_MOST = 4


class _Compared(NamedTuple):
    """The model whose names were compared last."""

    #: gives what holds it; None where that is gone
    model: Callable[[], Any]
    #: what it had of variables then
    state: Hashable
    #: the names that it has, as solutions hold them: equal to one another
    names: list[Sequence[str]]


_last = _Compared(lambda: None, None, [])


def check(
    place: int, names: Sequence[str], *, called: Callable[[], str], model: Any, state: Hashable,
    there: Callable[[], Sequence[str]], is_passing: bool = False,
) -> None:  # fmt: skip
    """Raise InvalidModel for a variable that is surely of another model than the one that was solved.

    Args:
        place: of the variable in its own model.
        names: what the variables of the one that was solved are called, in order.
        called: gives what the variable is called; asked for the error only.
        model: what holds its own model; None where that is not known.
        state: changes whenever a variable is added to that model or deleted.
        there: gives what the variables of that model are called, in order; asked once for many of its variables.
        is_passing: `model` is gone while the model is still there, unless somebody holds it: then it is held here,
            until one of another model comes.
    """
    global _last  # noqa: PLW0603 - solutions are read value by value, and all names take their time
    if place >= len(names):
        why = f"that has {len(names)} variables, and this is number {place + 1} of its model"
        raise _foreign(called(), why)
    if model is None or _is_known(model, state, names):
        return
    found = tuple(there())
    if len(found) < len(names):
        raise _foreign(called(), f"that has {len(names)} variables, and the model of this one {len(found)}")
    other = next((index for index, name in enumerate(names) if found[index] != name), None)
    if other is not None:
        pair = f'"{names[other]}" there, and "{found[other]}" in the model of this one'
        raise _foreign(called(), f"number {other + 1} is {pair}")
    _last = _Compared((lambda: model) if is_passing else weakref.ref(model), state, [names])


def _is_known(model: Any, state: Hashable, names: Sequence[str]) -> bool:
    """Whether these names were compared with those of this model, as it is."""
    if _last.model() is not model or _last.state != state:
        return False
    if any(each is names for each in _last.names):
        return True
    if _last.names[0] != names:
        return False
    _last.names[_MOST - 1 :] = [names]
    return True


def _foreign(called: str, why: str) -> InvalidModel:
    what = f'the variable "{called}"' if called else "a variable"
    return InvalidModel(f"value() got {what}, which is not of the model that was solved: {why}.")
