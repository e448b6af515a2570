"""JSON as it comes and goes over HTTP: read with limits, written whatever the values are."""

from __future__ import annotations

import json
import math
from collections import deque
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from starlette.responses import Response

#: how deep lists and objects may stand in one another
DEEPEST = 64


class NotJson(ValueError):
    """A text that is no JSON we take, in a sentence."""


class JsonAnswer(Response):
    """An answer in JSON. Text is escaped to ASCII: no character of a job's can break it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of a value."""
        return write(content).encode("ascii")


def write(value: Any) -> str:
    """A value of plain parts as compact ASCII JSON; numbers that JSON does not have (nan, inf) are null."""
    try:
        return _dump(value)
    except ValueError:
        return _dump(_finite(value))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def read(text: bytes) -> Any:
    """The value of a JSON text. Raises NotJson."""
    try:
        found = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise NotJson(f"The body has lists or objects that stand more than {DEEPEST} deep in one another.") from None
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8: send JSON in UTF-8.") from None
    except ValueError as error:
        raise NotJson(f"The body is no JSON that can be read: {_short(error)}.") from None
    if _is_deep(found):
        raise NotJson(f"The body has lists or objects that stand more than {DEEPEST} deep in one another.")
    return found


def as_json(value: Any) -> tuple[Any, bool]:
    """A plain value as JSON has it, and whether it has: dates as text, sets and tuples as lists."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_plain)), True
    except (TypeError, ValueError, RecursionError):
        return None, False


def _plain(value: Any) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, set | frozenset | deque | range):
        return list(value)
    raise TypeError(type(value).__name__)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _short(error: ValueError) -> str:
    """What is wrong, without what the interpreter would like to be told."""
    text = str(error)
    return "it has an integer of too many digits" if "integer string conversion" in text else text


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for each in level
            if isinstance(each, list | dict)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, list | dict) for each in level)
