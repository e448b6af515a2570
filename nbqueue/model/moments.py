"""Moments as people write them: as long ago as "7d", or a point in time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from nbqueue.errors import ConfigurationError
from nbqueue.model import durations

#: "7d" and the like, counted back from now; the ISO text of an aware datetime; one itself; an entry of the history
Moment = str | timedelta | datetime

#: of a line of the history: its millisecond, and which one of that
_ENTRY = re.compile(r"(\d{1,16})-\d{1,16}\Z")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T?")


def milliseconds(value: Moment, what: str, now_ms: int) -> int:
    """The moment on the server's clock; a text such as "7d" and a timedelta count back from now.

    Of an entry of the history it is the millisecond that it was written in.
    """
    if isinstance(value, timedelta):
        return max(now_ms - round(value.total_seconds() * 1000), 0)
    if isinstance(value, datetime) and value.tzinfo is not None and value == value:  # noqa: PLR0124 - NaT is not itself
        return max(round(value.timestamp() * 1000), 0)
    ago_s = durations.read(value) if isinstance(value, str) else None
    if ago_s is not None:
        return max(now_ms - round(ago_s * 1000), 0)
    entry = _ENTRY.match(value) if isinstance(value, str) else None
    if entry:
        return int(entry[1])
    if isinstance(value, str) and _ISO.match(value):
        return milliseconds(_parsed(value, what), what, now_ms)
    raise _refused(value, what)


def _parsed(text: str, what: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(text, what) from None
    if found.tzinfo is None:
        raise _refused(text, what)
    return found


def _refused(value: object, what: str) -> ConfigurationError:
    return ConfigurationError(
        f'{what}={value!r} is no moment: give text such as "7d", "2h" or "30min", a timedelta, an aware datetime '
        "(or one as ISO text with its offset), or a timestamp or entry of a history frame."
    )
