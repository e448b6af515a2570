"""Texts of jobs as matplotlib shows them literally, and numbers with their units."""

from __future__ import annotations

#: characters of a text that are shown at most
LIMIT = 40
_DAY_S = 86_400
_UNITS = (("days", _DAY_S), ("hours", 3600), ("minutes", 60))
#: an axis is in a unit once it spans so many of it
_ENOUGH = 3


def literal(text: object, limit: int = LIMIT, *, ending: bool = False) -> str:
    """A text of a job: no formula, no line breaks, not too long; with `ending` its end is what stays."""
    found = str(text)
    cut = len(found) > limit
    kept = found[-limit + 1 :] if ending else found[: limit - 1]
    plain = "".join(mark if mark.isprintable() else " " for mark in (kept if cut else found))
    short = plain if not cut else f"…{plain}" if ending else f"{plain}…"
    return short.replace("$", r"\$")


def for_legend(text: object, limit: int = LIMIT) -> str:
    """The same for a legend, which leaves out what begins with an underscore, and what is empty."""
    found = literal(text, limit)
    return f" {found}" if found.startswith("_") or not found else found


def bucket(seconds: float) -> str:
    """The width of a bucket of time: "second", "5 min", "day"."""
    for unit, size in (("day", _DAY_S), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}{'s' if unit == 'day' else ''}" if seconds > size else unit
    return f"{seconds:g} s" if seconds > 1 else "second"


def unit(span_s: float) -> tuple[str, float]:
    """In which unit an axis of so many seconds is best told, and how many seconds that has."""
    return next((each for each in _UNITS if span_s >= _ENOUGH * each[1]), ("seconds", 1.0))
