"""What users give to a solver by name: checked, and refused with the nearest names that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from nbqueue.errors import ConfigurationError, InvalidModel, SolverUnavailable


def load(module: str, extra: str, solver: str) -> Any:
    """A solver's library; raises SolverUnavailable, with the command that installs it, where it is not there.

    Args:
        module: what to import.
        extra: the extra of nbqueue that brings it.
        solver: what it is needed for.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:
            raise
        raise SolverUnavailable(
            f"{solver} needs the package {library}, which is not installed here: pip install 'nbqueue[{extra}]'."
        ) from None


def wrong_model(solver: str, model: object, wanted: str) -> InvalidModel:
    """The error for something that is no model of this solver."""
    kind = type(model)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return InvalidModel(f"{solver} cannot solve what it was given, {name}: give {wanted}.")


def unknown_parameter(solver: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """The error for a parameter that the solver does not have."""
    near = get_close_matches(str(name), list(known), n=3)
    help_ = f"Did you mean {' or '.join(near)}?" if near else "The solver's own documentation names them."
    return ConfigurationError(f'{solver} has no parameter "{name}". {help_}')


def bad_value(solver: str, name: str, value: object, error: Exception) -> ConfigurationError:
    """The error for a value that a parameter does not take."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return ConfigurationError(f"{solver} refuses {name}={value!r}: {first}.")


def check_params(params: object) -> Mapping[str, Any]:
    """Parameters by name; none where None was given."""
    if params is None:
        return {}
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise ConfigurationError(f'params={params!r} cannot be used: give a dict by name, such as {{"name": 1}}.')
    return params


def check_count(name: str, value: object) -> None:
    """Raise ConfigurationError for anything but a whole number above 0, and None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigurationError(f"{name}={value!r} cannot be used: give a whole number from 1, or None.")
