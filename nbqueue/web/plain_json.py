"""Plain values of jobs as JSON has them: dates as text, sets and tuples as lists, and no more than was allowed.

A few bytes can stand for very much, as `range(10**9)` or a list that holds another one a thousand times: each part is
counted, as often as it would be written, before it is made.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

#: what a character takes in JSON at most, where it is not one byte
_ESCAPED_BYTES = 6
#: Python writes integers of so many digits, and a few more
_MOST_DIGITS = 4300
#: decimal digits of a bit
_DIGITS = math.log10(2)


class NoJson(ValueError):
    """A value that JSON does not have."""


class TooLarge(NoJson):
    """A value that has more parts, or takes more bytes, than was allowed."""


class Converter:
    """Makes values of JSON, of so many parts and bytes at most."""

    def __init__(self, *, parts: int, size_bytes: int) -> None:
        self._parts = parts
        self._bytes = size_bytes

    def check_size(self, size_bytes: int) -> None:
        """Raise TooLarge for what takes more bytes already before it is loaded."""
        if size_bytes > self._bytes:
            raise TooLarge("it is too large")

    def convert(self, value: Any) -> Any:
        """The value as JSON has it. Raises NoJson, also where it stands too deep in itself."""
        try:
            return self._of(value)
        except RecursionError:
            raise NoJson("it is too deep") from None

    def _of(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return self._leaf(value)
        if isinstance(value, dict):
            self._take(parts=2 * len(value))
            return {self._name(name): self._of(item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset | deque | range):
            return self._list(value, _length(value))
        return self._leaf(_text_of(value))

    def _list(self, items: Iterable[Any], length: int) -> list[Any]:
        self._take(parts=length)
        return [self._of(item) for item in items]

    def _name(self, name: Any) -> str:
        if isinstance(name, str):
            return str(self._leaf(name))
        if name is None or isinstance(name, bool):
            return {None: "null", True: "true", False: "false"}[name]
        if isinstance(name, int | float):
            return repr(self._leaf(name))
        raise NoJson("it has names that are no text")

    def _leaf(self, value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            raise NoJson("it has a number that JSON lacks")
        self._take(size_bytes=_size_of(value))
        return value

    def _take(self, *, parts: int = 0, size_bytes: int = 0) -> None:
        self._parts -= parts
        self._bytes -= size_bytes + parts
        if self._parts < 0 or self._bytes < 0:
            raise TooLarge("it is too large")


def _length(value: Any) -> int:
    if not isinstance(value, range):
        return len(value)
    # len() refuses what does not fit a machine word
    return max(0, (value.stop - value.start + value.step - (1 if value.step > 0 else -1)) // value.step)


def _size_of(value: Any) -> int:
    """Bytes that a leaf takes, at most."""
    if isinstance(value, str):
        return 2 + len(value) * (1 if value.isascii() and value.isprintable() else _ESCAPED_BYTES)
    if isinstance(value, int) and not isinstance(value, bool):
        digits = 2 + int(value.bit_length() * _DIGITS)
        if digits > _MOST_DIGITS:
            raise NoJson("it has an integer of too many digits")
        return digits
    return 24 if isinstance(value, float) else 5


def _text_of(value: Any) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    raise NoJson(f"{type(value).__name__} has no JSON")
