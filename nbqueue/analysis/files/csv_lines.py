"""CSV: UTF-8, a line a row, cells that a spreadsheet opens safely."""

from __future__ import annotations

import json
import re
from typing import IO, Any

import pandas as pd

from nbqueue.analysis.files.cells import Style, columns, texts

#: texts that a spreadsheet would run as a formula; a quote mark before them keeps them text
_FORMULA = re.compile(r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n]")
_QUOTED = re.compile(r'[",\r\n]')


class CsvLines:
    """Times are ISO 8601 in UTC, tuples, lists and dicts JSON, what is missing an empty cell."""

    def __init__(self, file: IO[bytes], *, raw: bool = False) -> None:
        """Args: `raw` leaves texts as they are, also those that a spreadsheet runs."""
        self._file = file
        self._text = _quoted if raw else _safe
        self._begun = False
        self._style = Style(missing="", text=self._text, nested=self._nested, true="True", false="False")

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame, before the first ones the names of the columns."""
        cells = [texts(column, self._style) for _, column in columns(df)]
        if len(cells) == 1:
            # readers skip empty lines
            cells = [[cell or '""' for cell in cells[0]]]
        lines = [",".join(row) for row in zip(*cells, strict=True)]
        if not self._begun:
            self._begun = True
            lines.insert(0, ",".join(self._text(name) for name, _ in columns(df)))
        if lines:
            self._file.write(("\n".join(lines) + "\n").encode(errors="replace"))

    def close(self) -> None:
        """Nothing comes after the last row."""

    def drop(self) -> None:
        """Nothing is kept beside the file."""

    def _nested(self, value: Any) -> str:
        return self._text(json.dumps(value, ensure_ascii=False, default=str)) if value else ""


def _safe(text: str) -> str:
    return _quoted("'" + text if _FORMULA.match(text) else text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
