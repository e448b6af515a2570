"""Values that code in a job reports, made fit for JSON; nothing here ever raises."""

from __future__ import annotations

import math
from typing import Any

_DEPTH = 4
_ITEMS = 200
_TEXT = 1_000
#: larger numbers have hundreds of digits, and other languages' JSON cannot read them
_LARGEST = 1e300


def clean(value: Any, depth: int = _DEPTH) -> Any:
    """The value as JSON can carry it: non-finite floats become None, strange objects their repr."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int | float):
        return clean_number(value)
    if depth and isinstance(value, dict):
        return {clean_text(_shown(key)): clean(item, depth - 1) for key, item in list(value.items())[:_ITEMS]}
    if depth and isinstance(value, list | tuple):
        return [clean(item, depth - 1) for item in value[:_ITEMS]]
    number = _scalar(value)
    return clean_text(_shown(value)) if number is None else clean_number(number)


def clean_number(value: Any) -> float | int | None:
    """A plain finite number, or None."""
    try:
        number = value if type(value) in {int, float} else _plain(value)
        if math.isfinite(number) and abs(number) < _LARGEST:
            return number
    except Exception:  # noqa: BLE001 - whatever the object's conversion raises, it is no number
        return None
    return None


def clean_text(value: object, limit: int = _TEXT) -> str:
    """Text of at most `limit` characters that encodes as UTF-8."""
    return encodable(value if isinstance(value, str) else _shown(value))[:limit]


def encodable(text: str) -> str:
    """The text with lone surrogates replaced, so that it encodes as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> float | int:
    if isinstance(value, int):
        return int(value)
    item = _scalar(value)
    return float(value) if item is None else item


def _scalar(value: Any) -> float | int | None:
    """The number inside a one-element array or a scalar of numpy, torch ...; None where there is none."""
    try:
        item = value.item()
    except Exception:  # noqa: BLE001 - an object of the user's; it has no number for us
        return None
    return item if isinstance(item, int | float) else None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return repr(value)[:_TEXT]
    except Exception:  # noqa: BLE001 - a repr of the user's that raises
        return f"<{type(value).__name__}>"
