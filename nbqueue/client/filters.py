"""What a search is narrowed by, as a shell and a magic write it: one table for both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model import durations
from nbqueue.model.names import check_queue, shown
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True)
class Filter:
    """One option."""

    #: what stands for its value
    metavar: str
    help: str
    #: the words it takes; empty: any
    words: tuple[str, ...] = ()
    #: whether it may be given several times
    many: bool = False


#: by the word after --
FILTERS: Mapping[str, Filter] = {
    "state": Filter(
        "STATE", "Only in this state; may be given several times.", tuple(state.value for state in State), many=True
    ),
    "queue": Filter("QUEUE", "Only in this queue."),
    "function": Filter("NAME", "Only of this function."),
    "tag": Filter("TAG", "Only with this tag."),
    "error": Filter("TEXT", "Only with an error of this class, or with this in its first line."),
    "error-regex": Filter("PATTERN", 'Only with an error that a regular expression is found in: "Type: first line".'),
    "since": Filter("TIME", "Only those submitted or ended since then: 7d, 2h, 30min ago, or ISO 8601."),
    "until": Filter("TIME", "Only those submitted or ended until then, written as --since."),
    "slower-than": Filter("TIME", "Only those that run longer, or did in their last attempt: seconds, 90s, 5min, 2h."),
}


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `jobs.where` for options by their names with underscores; those that are empty are left out."""
    found = {name: value for name, value in given.items() if value not in (None, "", (), [])}
    if "queue" in found:
        check_queue(found["queue"])
    if "error_regex" in found:
        if "error" in found:
            raise ConfigurationError("--error and --error-regex were given together: give one of them.")
        found["error"] = _pattern(found.pop("error_regex"))
    if "slower_than" in found:
        found["slower_than"] = durations.seconds(found["slower_than"], "--slower-than")
    return found


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigurationError(f"--error-regex {shown(text)} is no regular expression: {error}.") from None
