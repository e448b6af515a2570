"""Options of HiGHS by name: set, or refused with the nearest names or with what HiGHS says they take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.parameters import bad_value, check_params, unknown_parameter

#: what has a name of its own here
_OURS = {
    "threads": "threads", "time_limit": "time_limit", "mip_rel_gap": "gap", "random_seed": "seed",
    "output_flag": "log", "log_to_console": "log",
}  # fmt: skip
_WANTED = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
#: what HiGHS says of a value, and what it wants then
_RULES = (
    (re.compile(r"is not one of (.*)"), "one of {}"),
    (re.compile(r"below lower bound of (\S+)"), "at least {}"),
    (re.compile(r"above upper bound of (\S+)"), "at most {}"),
)


def put(solver: Any, name: str, params: Any, ours: Mapping[str, Any], complaints: Sequence[str]) -> None:
    """Set what the user gave by other names, and then the options by HiGHS's own.

    Args:
        solver: the Highs.
        name: whose arguments they are, for errors.
        params: options by their own names.
        ours: options that have arguments of their own; None: not given.
        complaints: what HiGHS complains of is at its end.

    Raises:
        ConfigurationError: an unknown name, one that has an argument of its own, or a value that it does not take.
    """
    known = [each for each in dir(solver.getOptions()) if not each.startswith("_")]
    for option in check_params(params):
        if option in _OURS:
            raise ConfigurationError(f"{name} takes {option} as an argument of its own: give {_OURS[option]}=...")
        if option not in known:
            raise unknown_parameter(name, option, known, _OURS)
    given = {option: value for option, value in ours.items() if value is not None}
    for option, value in {**check_params(params), **given}.items():
        before, current = len(complaints), getattr(solver.getOptions(), option)
        if not _is_set(solver, option, value, current):
            raise bad_value(name, option, value, _wanted(current, complaints[before:]))


def _is_set(solver: Any, option: str, value: Any, current: Any) -> bool:
    """Whether HiGHS has taken the value of an option, which has another one now."""
    if isinstance(current, bool) and not isinstance(value, bool):
        return False  # it reads some texts and numbers as a bool
    try:
        return bool(solver.setOptionValue(option, value).name != "kError")
    except TypeError:
        return False


def _wanted(current: Any, complaints: Sequence[str]) -> str:
    """What an option takes: as HiGHS said, else as the value is that it has."""
    for rule, words in _RULES:
        for text in complaints:
            if found := rule.search(text):
                return words.format(found[1])
    return _WANTED.get(type(current), "another value")
