"""Durations, sizes and priorities as people write them, turned into numbers."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: what `priority=` accepts as a word, and the number it stands for
PRIORITIES = {"high": 10, "normal": 0, "low": -10}
#: the range of an integer priority; more is sooner
PRIORITY_LIMIT = 99
#: an empty Python process with nbqueue in it has 23 MB resident
LEAST_PROCESS_BYTES = 32 * 10**6
#: a length of time: seconds, a timedelta, or text such as "90s", "5 min", "1h 30min", "7d"
Duration = float | timedelta | str

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d+)?)\s*([KMGT]?i?B)\s*\Z", re.IGNORECASE)
#: seconds of a unit, and how people write it; the longest first, as they stand in a text of several
_WRITTEN = {
    7 * 86_400.0: "weeks?|w", 86_400.0: "days?|d", 3600.0: "hours?|hrs?|h", 60.0: "minutes?|mins?|m",
    1.0: "seconds?|secs?|s", 0.001: "ms",
}  # fmt: skip
_TEXT = re.compile(
    r"\s*" + "".join(rf"(?:(\d{{1,9}}(?:\.\d{{1,6}})?)\s*(?:{unit})\s*)?" for unit in _WRITTEN.values()) + r"\Z"
)
#: what helps where a text is none
FORM = "give seconds, or text such as 90s, 5min, 2h or 1d"
_SPANS = {"day": 86_400, "h": 3600, "min": 60, "s": 1}
#: what is shorter is told in seconds
_IN_SECONDS_S = 120
_TEN_YEARS_S = 10 * 366 * 86_400.0


def seconds(value: object, what: str, *, least: float = 0.0) -> float:
    """Seconds from a number, a timedelta or a text such as "5min", at least `least` and at most ten years."""
    number: float
    if isinstance(value, timedelta):
        number = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        number = _told(value, what)
    if math.isfinite(number) and least <= number <= _TEN_YEARS_S:
        return number
    raise ConfigurationError(f"{what}={shown(value)} is out of range: give {least:g} s up to ten years.")


def read(text: str) -> float | None:
    """The seconds of a text such as "90s", "15 min", "1h 30m" or "7d"; None where it is no such text."""
    match = _TEXT.match(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(count) * size for count, size in zip(match.groups(), _WRITTEN, strict=True) if count)


def written(text: str) -> float:
    """The seconds of a text, which may be a mere number of them. Raises ValueError where it is no duration."""
    found = read(text)
    return float(text) if found is None else found


def _told(value: object, what: str) -> float:
    try:
        if isinstance(value, str):
            return written(value)
    except ValueError:
        pass
    raise ConfigurationError(f"{what}={shown(value)} is no duration: {FORM}.")


def in_words(seconds: float) -> str:
    """A length of time in the units that people count it in: "0.05 s", "90 s", "14 days", "1 day 12 h"."""
    if seconds < _IN_SECONDS_S:
        return f"{seconds:g} s"
    parts, rest = [], round(seconds)
    for unit, size in _SPANS.items():
        count, rest = divmod(rest, size)
        parts += [f"{count} {unit}s" if unit == "day" and count > 1 else f"{count} {unit}"] if count else []
    return " ".join(parts)


def size_bytes(value: object, what: str) -> int:
    """Bytes, at least one, from an integer or a text such as "2GB" or "512MiB"."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match and (found := int(float(match[1]) * _UNITS[match[2].upper()])) >= 1:
        return found
    raise ConfigurationError(f'{what}={shown(value)} is not a size: give at least 1 byte, or text such as "2GB".')


def process_bytes(value: object) -> int:
    """The bytes of `memory=`, with room for Python itself: as `size_bytes` takes them, 32 MB or more."""
    found = size_bytes(value, "memory")
    if found >= LEAST_PROCESS_BYTES:
        return found
    raise ConfigurationError(f"memory={shown(value)} is too little for a Python process: give 32MB or more.")


def priority(value: object) -> int:
    """The integer priority, from -99 to 99, of a word or an integer; more is sooner."""
    if isinstance(value, str) and value in PRIORITIES:
        return PRIORITIES[value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= PRIORITY_LIMIT:
        return value
    raise ConfigurationError(
        f'priority={shown(value)} cannot be used: give "high", "normal", "low" or an integer from -99 to 99.'
    )
