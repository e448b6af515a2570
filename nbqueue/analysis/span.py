"""The span of time a history covers: what `since=` and `until=` may be, as bounds of entry ids."""

from __future__ import annotations

import re

from nbqueue.model.moments import Moment, milliseconds

_ENTRY = re.compile(r"\d{1,16}-\d{1,16}\Z")


def first_entry(since: Moment | None, now_ms: int) -> str:
    """The lowest entry id wanted; after the id of an entry, that entry is left out."""
    if isinstance(since, str) and _ENTRY.match(since):
        return "(" + since
    return "-" if since is None else str(milliseconds(since, "since", now_ms))


def last_entry(until: Moment | None, now_ms: int) -> str:
    """The highest entry id wanted."""
    if isinstance(until, str) and _ENTRY.match(until):
        return until
    return "+" if until is None else str(milliseconds(until, "until", now_ms))
