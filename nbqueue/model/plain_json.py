"""JSON for the hot paths: the standard library's own encoder, made once instead of at each call."""

from __future__ import annotations

import json
from json import encoder as _encoder
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"))
#: a text as JSON
quote = _encoder.encode_basestring_ascii
_raw_decode = json.JSONDecoder().raw_decode

#: the C encoder that `json.dumps` builds anew for each value (two thirds of its time for a header); CPython has it
_make: Any = getattr(_encoder, "c_make_encoder", None)
_iterate = (
    _make(None, _ENCODER.default, _encoder.encode_basestring_ascii, None, ":", ",", False, False, True)  # noqa: FBT003 - its own signature
    if _make is not None
    else None
)


def encode(value: dict[str, Any]) -> str:
    """A dict of plain values as compact ASCII JSON."""
    if _iterate is None:
        return _ENCODER.encode(value)
    return "".join(_iterate(value, 0))


def decode(text: str) -> Any:
    """The value of a JSON text that has nothing before or after it. Raises ValueError, or RecursionError."""
    value, end = _raw_decode(text)
    if end != len(text):
        raise ValueError(f"there is more after the JSON value, from character {end} on")
    return value
