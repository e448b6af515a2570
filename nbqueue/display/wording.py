"""Words on a card: text from jobs made harmless, numbers and durations as people read them."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from itertools import zip_longest
from typing import Any

#: characters of a text from a job that a card shows at most
LINE_LIMIT = 200
#: characters of a log that are looked at
CHARACTERS = 50_000

#: numbers outside are written with an exponent
_SMALL, _LARGE = 1e-4, 1e15
_SIZES, _STEP = ("B", "kB", "MB", "GB", "TB"), 1000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
#: terminal sequences: CSI, OSC and other strings with their end, and two-byte escapes
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]"
)
#: of these, what sets colours and weights, and what ends them
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_RESET = "\x1b[0m"
#: control, format (also what turns the writing direction), surrogate, line and paragraph separator
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: joiners that Persian, Indic scripts and emoji need; they move nothing
_JOINERS = frozenset("\u200c\u200d")


def line(text: object, limit: int = LINE_LIMIT) -> str:
    """Any text as one harmless line of at most `limit` characters."""
    # cleaning shortens, so it gets more than it may give; a megabyte must not be cleaned five times a second
    found = _harmless(_ESCAPES.sub("", str(text)[: 20 * limit + 1000]))
    found = " ".join(found.split())
    return found if len(found) <= limit else found[: limit - 1] + "…"


def tail(text: str, lines: int, limit: int = LINE_LIMIT) -> tuple[str, ...]:
    """The last `lines` non-empty lines of a log, each harmless; of a line drawn again and again, its last drawing."""
    if not text or lines <= 0:
        return ()
    found = []
    for raw in reversed(text[-CHARACTERS:].split("\n")):
        kept = _log_line(raw, limit)
        if kept:
            found.append(kept)
        if len(found) == lines:
            break
    return tuple(reversed(found))


@lru_cache(maxsize=256)
def coloured_tail(text: str, lines: int, limit: int) -> tuple[str, ...]:
    """As `tail`, with the colours of each line but of those that are too long."""
    found: list[str] = []
    for raw in reversed(text[-CHARACTERS:].split("\n")):
        row = _coloured(raw.rstrip("\r").rsplit("\r", 1)[-1][: 20 * limit + 1000]).rstrip()
        if _COLOUR.sub("", row).strip():
            found.append(row if len(row) <= limit else _log_line(raw, limit))
        if len(found) == lines:
            break
    return tuple(reversed(found))


def lines(text: str, most: int, limit: int) -> tuple[str, ...]:
    """The first and the last lines of a text, at most so many, each harmless and no longer than `limit`."""
    rows = [_log_line(row, limit) for row in text[: 4 * CHARACTERS].rstrip().split("\n")] if text.strip() else []
    if len(rows) <= most:
        return tuple(rows)
    return (*rows[: most // 2], f"... {len(rows) - most:,} lines ...", *rows[-(most - most // 2) :])


def for_terminal(text: str) -> str:
    """A log as a terminal may have it: its lines and tabs, and of what steers a terminal only the colours.

    Of a line drawn again and again its last drawing is left. Colours end with the text.
    """
    rows = (row.rstrip("\r").rsplit("\r", 1)[-1] for row in text.split("\n"))
    found = "\n".join(_coloured(row) for row in rows)
    return f"{found}{_RESET}" if "\x1b" in found and not found.endswith((_RESET, f"{_RESET}\n")) else found


def duration(seconds: float, *, running: bool = False) -> str:
    """Seconds as people say them; whole ones while it runs, so that a card changes once a second."""
    if not math.isfinite(seconds):
        return ""
    seconds = max(seconds, 0.0)
    if seconds < _MINUTE_S:
        return f"{math.floor(seconds)} s" if running else f"{_digits(seconds)} s"
    whole = math.floor(seconds)
    if whole < _HOUR_S:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // 60:02} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def number(value: Any) -> str:
    """A reported value in few characters: six significant digits, thousands apart, text cut."""
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return line(value, 40)
    if not math.isfinite(value := _float(value)):
        return {math.inf: "∞", -math.inf: "-∞"}.get(value, "nan")
    if value.is_integer() and abs(value) < _LARGE:
        return f"{int(value):,}"
    return f"{value:,.6g}" if _SMALL <= abs(value) < _LARGE else f"{value:.4g}"


def metric(name: str, value: Any) -> str:
    """A metric's value; a gap, a share of the objective, in per cent."""
    if name == "gap" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return f"{value:.2%}"
    return number(value)


def count(done: float, total: float | None) -> str:
    """How many of how many: "37/120"; only the first where there is no total."""
    return number(done) if total is None else f"{number(done)}/{number(total)}"


def percent(value: float | None) -> str:
    """Per cent as a whole number; nothing where it is not known."""
    return "" if value is None else f"{value:.0f}%"


def rate(a_second: float) -> str:
    """How often something happens, by the unit in which that is once or more: "3.1 a second", "12 a minute"."""
    for unit, seconds in (("second", 1), ("minute", _MINUTE_S)):
        if a_second * seconds >= 1:
            return f"{_three(a_second * seconds)} a {unit}"
    return f"{_three(a_second * _HOUR_S)} an hour"


def size(in_bytes: float | None) -> str:
    """Bytes as people say them; nothing where they are not known."""
    if in_bytes is None:
        return ""
    for unit in _SIZES:
        if in_bytes < _STEP or unit == _SIZES[-1]:
            break
        in_bytes /= _STEP
    return f"{in_bytes:.0f} {unit}" if unit in _SIZES[:2] else f"{in_bytes:.1f} {unit}"


def clock(at: datetime) -> str:
    """The time of day where the reader sits."""
    return f"{at.astimezone():%H:%M:%S}"


def when(at: datetime | None, now: datetime) -> str:
    """The time of day, with the date where that is another one; nothing where it is not known."""
    if at is None:
        return ""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else f"{local:%m-%d %H:%M}"


def moment(at: datetime) -> str:
    """Day and time of day where the reader sits."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def minute(at: datetime) -> str:
    """The same to the minute."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _three(value: float) -> str:
    """Three significant digits, thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - which needs no digit after the point


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _digits(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 1 else f"{math.floor(seconds * 10) / 10:.1f}"


def _log_line(raw: str, limit: int) -> str:
    shown = raw.rstrip("\r").rsplit("\r", 1)[-1]
    found = _harmless(_ESCAPES.sub("", shown[: 20 * limit + 1000]).expandtabs(4)).rstrip()
    return found if len(found) <= limit else found[: limit - 1] + "…"


def _coloured(row: str) -> str:
    """A row in which escapes that set colours stay, and all else that steers goes."""
    kept = (match[0] if _COLOUR.fullmatch(match[0]) else "" for match in _ESCAPES.finditer(row))
    plain = (_harmless(part, keep="\t") for part in _ESCAPES.split(row))
    return "".join(part for pair in zip_longest(plain, kept, fillvalue="") for part in pair)


def _harmless(text: str, *, keep: str = "") -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if char in "\t\n\r\v\f\u2028\u2029\x85" and char not in keep else char
        for char in text
        if char in "\t\n\r\v\f\u2028\u2029\x85" or char in _JOINERS or unicodedata.category(char) not in _HARMFUL
    )
