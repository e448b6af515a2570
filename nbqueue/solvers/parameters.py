"""What users give to a solver by name: checked, and refused with the nearest names that there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from nbqueue.errors import ConfigurationError, InvalidModel, SolverUnavailable
from nbqueue.inside.context import current

#: each brings a libhighs of its own, and the first one that is loaded is everybody's
_APART = ("ortools", "highspy")


def load(module: str, extra: str, solver: str) -> Any:
    """A solver's library; raises SolverUnavailable, with the command that installs it, where it is not there.

    Args:
        module: what to import.
        extra: the extra of nbqueue that brings it.
        solver: what it is needed for.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == library:
            raise SolverUnavailable(
                f"{solver} needs the package {library}, which is not installed here: pip install 'nbqueue[{extra}]'."
            ) from None
        other = next((each for each in _APART if each != library and each in sys.modules), None)
        if library not in _APART or other is None:
            raise
        raise _beside(solver, library, other) from error


def _beside(solver: str, library: str, other: str) -> SolverUnavailable:
    """Two libraries with a shared library of one name in two versions: a process has room for one of them."""
    help_ = "Run it as a job, whose process has only one of them, or restart the kernel."
    if current() is not None:
        help_ = "Use them in jobs of their own."
    return SolverUnavailable(
        f"{solver} cannot run here: {library} cannot be loaded into a process that has loaded {other}. {help_}"
    )


def wrong_model(solver: str, model: object, wanted: str) -> InvalidModel:
    """The error for something that is no model of this solver."""
    kind = type(model)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return InvalidModel(f"{solver} cannot solve what it was given, {name}: give {wanted}.")


def unknown_parameter(solver: str, name: str, known: Iterable[str], ours: Mapping[str, str]) -> ConfigurationError:
    """The error for a parameter that the solver does not have.

    Args:
        solver: whose arguments they are.
        name: as it was given.
        known: the parameters that it has.
        ours: those that are arguments of `solve`, and what they are called there; "" for those that are not told of.
    """
    if name in ours.values():
        return ConfigurationError(f"{solver} takes {name} as an argument of its own: give {name}=..., not in params.")
    near = get_close_matches(name, [each for each in dict.fromkeys((*known, *ours)) if ours.get(each, each)], n=3)
    # several may be one argument
    by_argument = {ours.get(each, each): each for each in reversed(near)}
    first = [each for each in near if each in by_argument.values()]
    offered = " or ".join(f"{each} (given as {ours[each]}=...)" if each in ours else each for each in first)
    help_ = f"Did you mean {offered}?" if near else "The solver's own documentation names them."
    return ConfigurationError(f'{solver} has no parameter "{name}". {help_}')


def unknown_name(what: str, name: str, known: Iterable[str]) -> ConfigurationError:
    """The error for a name that the model does not have."""
    near = get_close_matches(name, list(known), n=3)
    return ConfigurationError(f'{what} "{name}" that is not in the model{f": is it {near[0]}?" if near else "."}')


def bad_value(solver: str, name: str, value: object, wanted: str) -> ConfigurationError:
    """The error for a value that a parameter does not take; `wanted` says what it takes."""
    return ConfigurationError(f"{solver} cannot use {name}={value!r}: give {wanted}.")


def check_params(params: object) -> Mapping[str, Any]:
    """Parameters by name; none where None was given."""
    if params is None:
        return {}
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise ConfigurationError(f'params={params!r} cannot be used: give a dict by name, such as {{"name": 1}}.')
    return params


def check_flag(name: str, value: object) -> None:
    """Raise ConfigurationError for anything but True and False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name}={value!r} cannot be used: give True or False.")


def check_count(name: str, value: object) -> None:
    """Raise ConfigurationError for anything but a whole number above 0, and None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigurationError(f"{name}={value!r} cannot be used: give a whole number from 1, or None.")
