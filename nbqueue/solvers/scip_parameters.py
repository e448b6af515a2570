"""Parameters of SCIP by name: set for one search and put back, or refused with the nearest names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.parameters import bad_value, check_params, unknown_parameter

#: what has a name of its own here
_OURS = {
    "limits/time": "time_limit", "limits/gap": "gap", "randomization/randomseedshift": "seed",
    "display/verblevel": "log", "parallel/maxnthreads": "threads",
}  # fmt: skip
_WANTED = {
    bool: "True or False", int: "a whole number that SCIP allows there", float: "a number that SCIP allows there",
    str: "a text that SCIP allows there",
}  # fmt: skip


@contextlib.contextmanager
def put(model: Any, name: str, params: Any, ours: Mapping[str, Any]) -> Iterator[None]:
    """Within this block, what the user gave and `ours` (None: not given) are set.

    Raises:
        ConfigurationError: an unknown name, one that has an argument of its own, or a value that it does not take.
    """
    given = {each: value for each, value in ours.items() if value is not None}
    before: dict[str, Any] = {}
    try:
        for each, value in {**_checked(model, name, params), **given}.items():
            before[each] = model.getParam(each)
            _set(model, name, each, value)
        yield
    finally:
        for each, value in before.items():
            model.setParam(each, value)


def time_limit(model: Any) -> float | None:
    """Seconds that the model's own parameters allow."""
    limit_s = float(model.getParam("limits/time"))
    return limit_s if limit_s < model.infinity() else None


def _checked(model: Any, name: str, params: Any) -> Mapping[str, Any]:
    found = check_params(params)
    known = model.getParams() if found else {}
    for each in found:
        if each in _OURS:
            raise ConfigurationError(f"{name} takes {each} as an argument of its own: give {_OURS[each]}=...")
        if each not in known:
            raise unknown_parameter(name, each, known, _OURS)
    return found


def _set(model: Any, name: str, parameter: str, value: Any) -> None:
    current = model.getParam(parameter)
    try:
        model.setParam(parameter, value)
    except (KeyError, LookupError, TypeError, ValueError, OverflowError):
        raise bad_value(name, parameter, value, _WANTED.get(type(current), "another value")) from None
