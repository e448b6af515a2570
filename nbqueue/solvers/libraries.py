"""What is done with a library's own expressions and models, found by the module of their type; imports no solver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from nbqueue.errors import ConfigurationError, InvalidModel
from nbqueue.solvers import cpsat_model, highs_model, mathopt_model, scip_model

#: places of variables in a model, and values
Pairs = list[tuple[int, float]]
#: so many names of variables are told in an error
_TOLD = 3

#: the first words of the module that a type is of -> what reads it and hints into it
_OF: dict[str, ModuleType] = {
    "highspy": highs_model,
    "ortools.sat": cpsat_model,
    "ortools.math_opt": mathopt_model,
    "pyscipopt": scip_model,
}


def value(of: Any, vector: Sequence[float], names: Sequence[str]) -> Any:
    """The value of an expression where the variables of its model have these values."""
    return _library(of, "value").value(of, vector, names)


def hint(model: Any, vector: Sequence[float], names: Sequence[str]) -> None:
    """Make these values the start of the next search of a model."""
    library = _library(model, "hint_into")
    library.put_hint(model, matched(vector, names, library.names(model)))


def matched(vector: Sequence[float], names: Sequence[str], wanted: Sequence[str]) -> Pairs:
    """Values for a model, by place: in order where it begins with the same names, else by names that one has alone.

    Raises:
        ConfigurationError: the values are surely of another model, as none belongs to a variable of this one.
    """
    if len(vector) == len(names) and tuple(names) == tuple(wanted[: len(names)]):
        return list(enumerate(vector))
    doubtful = {"", *shared(names), *shared(wanted)}
    by_name = {name: value for name, value in zip(names, vector, strict=False) if name not in doubtful}
    found = [(index, by_name[name]) for index, name in enumerate(wanted) if name in by_name]
    if vector and not found:
        raise ConfigurationError(
            f"The Solution that is to be a hint is of another model: its variables are called {_some(names)}, and "
            f"those of this model {_some(wanted)}."
        )
    return found


def _some(names: Sequence[str]) -> str:
    """The first of them, for a sentence."""
    known = [f'"{name}"' for name in dict.fromkeys(names) if name]
    return ", ".join(known[:_TOLD] + ["..."] * (len(known) > _TOLD)) or "nothing"


def shared(names: Sequence[str]) -> dict[str, int]:
    """Names that several variables have, and how many."""
    if len(set(names)) == len(names):
        return {}
    return {name: count for name, count in Counter(names).items() if name and count > 1}


def _library(thing: Any, what: str) -> Any:
    kind = type(thing)
    for base in kind.__mro__:  # a class of the user's own may be above it
        for start, library in _OF.items():
            if base.__module__ == start or base.__module__.startswith(f"{start}."):
                return library
    known = ", ".join(_OF)
    raise InvalidModel(f"{what}() got {kind.__name__!r} of {kind.__module__}: give something of {known}.")
