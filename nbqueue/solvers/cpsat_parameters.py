"""Parameters of CP-SAT by name: set, refused with the nearest names, put back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.parameters import bad_value, check_params, unknown_parameter

#: what has a name of its own here
_OURS = {
    "num_workers": "threads", "num_search_workers": "threads", "max_time_in_seconds": "time_limit",
    "max_deterministic_time": "deterministic_limit", "relative_gap_limit": "gap", "random_seed": "seed",
    "log_search_progress": "log", "log_to_stdout": "log", "catch_sigint_signal": "",
}  # fmt: skip
_OF_MESSAGES = ("clear_", "has_", "copy_", "merge_", "parse_")


def put(found: Any, solver: str, params: Any, ours: Mapping[str, Any]) -> None:
    """Set what the user gave by other names, and then the parameters by CP-SAT's own.

    Raises:
        ConfigurationError: an unknown name, one that has an argument of its own, or a value that it does not take.
    """
    for name, value in ours.items():
        if value is not None:
            _set(found, solver, name, value)
    known = _names(found)
    for name, value in check_params(params).items():
        if _OURS.get(name):
            raise ConfigurationError(f"{solver} takes {name} as an argument of its own: give {_OURS[name]}=...")
        if name not in known:
            raise unknown_parameter(solver, name, known, _OURS)
        _set(found, solver, name, value)


def time_limit(found: Any) -> float | None:
    """Seconds that the user's own parameters allow."""
    limit_s = float(found.max_time_in_seconds)
    return limit_s if math.isfinite(limit_s) and limit_s > 0 else None


@contextlib.contextmanager
def restored(found: Any) -> Iterator[None]:
    """What is set within this block is put back after it."""
    names = ("num_workers", "max_time_in_seconds", "catch_sigint_signal", "log_to_stdout")
    before = {name: getattr(found, name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(found, name, value)


def _names(found: Any) -> list[str]:
    descriptor = getattr(found, "DESCRIPTOR", None)
    if descriptor is not None:
        return list(descriptor.fields_by_name)
    return [name for name in dir(found) if name.islower() and not name.startswith(("_", *_OF_MESSAGES))]


def _set(found: Any, solver: str, name: str, value: Any) -> None:
    try:
        if isinstance(value, list | tuple):
            del getattr(found, name)[:]
            getattr(found, name).extend(value)
        elif isinstance(value, str) and not isinstance(getattr(found, name), str):
            setattr(found, name, getattr(type(found), value.upper()))
        else:
            setattr(found, name, value)
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise bad_value(solver, name, value, _wanted(getattr(found, name))) from None


def _wanted(current: Any) -> str:
    """What a parameter takes, in words, by the value that it has."""
    names = getattr(type(current), "__members__", None)
    if names is not None:
        return "one of " + ", ".join(names)
    words = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
    return words.get(type(current), "a list")
