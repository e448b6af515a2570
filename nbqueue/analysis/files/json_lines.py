"""JSON lines: UTF-8, an object a row."""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring
from typing import IO, Any

import pandas as pd

from nbqueue.analysis.files.cells import Style, columns, texts


class JsonLines:
    """Times are ISO 8601 in UTC, tuples, lists and dicts stay what they are, what is missing or no number is null."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame."""
        named = [(name, texts(column, _STYLE)) for name, column in columns(df)]
        line = ", ".join(encode_basestring(name).replace("%", "%%") + ": %s" for name, _ in named)
        told = [f"{{{line}}}\n" % row for row in zip(*(cells for _, cells in named), strict=True)]
        self._file.write("".join(told).encode(errors="replace"))

    def close(self) -> None:
        """Nothing comes after the last row."""

    def drop(self) -> None:
        """Nothing is kept beside the file."""


def _nested(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    """The same without numbers that JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_STYLE = Style(
    missing="null", text=encode_basestring, nested=_nested, true="true", false="false", endless=lambda _: "null"
)
