"""XLSX: one table for a spreadsheet, in which texts are texts and nothing else."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from nbqueue.analysis.files import extras
from nbqueue.analysis.files.cells import columns, plain

#: rows of a sheet below its headings; what is more comes on further sheets
SHEET_ROWS = 1_048_575
#: characters of a cell; the rest of a longer text is left out
CELL_CHARS = 32_767
_TIME = "yyyy-mm-dd hh:mm:ss.000"
#: 1970-01-01 in the days that spreadsheets count, and the milliseconds of one
_EPOCH_DAY, _DAY_MS = 25_569, 86_400_000
#: whole numbers up to here are exact in a spreadsheet
_EXACT = 2**53


class Xlsx:
    """Times are dates in UTC, to the millisecond; numbers are numbers; tuples, lists and dicts are JSON."""

    def __init__(self, file: IO[bytes], *, sheet_rows: int = SHEET_ROWS) -> None:
        library = extras.load("xlsxwriter", "excel", "XLSX files")
        self._failures = extras.load("xlsxwriter.exceptions", "excel", "XLSX files").XlsxWriterException
        # the rows wait there for the end, on the disk that the file is to be on
        self._beside = tempfile.mkdtemp(prefix=".nbqueue-", suffix=".part", dir=Path(file.name).parent)
        self._book = library.Workbook(file, {"constant_memory": True, "tmpdir": self._beside})
        self._book.use_zip64()  # a sheet may have more than 2 GB before it is packed
        self._bold, self._time = self._book.add_format({"bold": True}), self._book.add_format({"num_format": _TIME})
        self._sheet_rows, self._sheet, self._row = sheet_rows, None, 0

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame, on another sheet where one is full."""
        cells = [_cells(column) for _, column in columns(df)]
        if self._sheet is None:
            self._turn(df)
        for row in zip(*cells, strict=True):
            if self._row > self._sheet_rows:
                self._turn(df)
            self._write(row)

    def close(self) -> None:
        """Put the sheets into the file."""
        if self._sheet is None:
            self._turn(pd.DataFrame())
        try:
            self._book.close()
        except self._failures as error:
            # it wraps what the disk said
            cause = error.args[0] if error.args else None
            raise cause if isinstance(cause, OSError) else OSError(str(error)) from error

    def drop(self) -> None:
        """Take away the rows that waited."""
        for sheet in self._book.worksheets():
            if (waiting := getattr(sheet, "row_data_fh", None)) is not None:
                _close(waiting)
        self._book.fileclosed = True  # else it says, when it is forgotten, that it was not closed
        shutil.rmtree(self._beside, ignore_errors=True)

    def _turn(self, df: pd.DataFrame) -> None:
        """Begin a sheet with the names of the columns."""
        number = len(self._book.worksheets()) + 1
        self._sheet = sheet = self._book.add_worksheet("History" if number == 1 else f"History {number}")
        sheet.freeze_panes(1, 0)
        for place, (name, column) in enumerate(columns(df)):
            sheet.set_column(place, place, 23 if pd.api.types.is_datetime64_any_dtype(column.dtype) else 14)
            sheet.write_string(0, place, _text(name), self._bold)
        self._row = 1

    def _write(self, row: tuple[Any, ...]) -> None:
        sheet: Any = self._sheet
        for place, value in enumerate(row):
            kind = type(value)
            if value is None:
                continue
            if kind is str:
                sheet.write_string(self._row, place, value)
            elif kind is bool:
                sheet.write_boolean(self._row, place, value)
            elif kind is _Day:
                sheet.write_number(self._row, place, value, self._time)
            else:
                sheet.write_number(self._row, place, value)
        self._row += 1


class _Day(float):
    """A moment as a spreadsheet counts it."""


def _cells(column: Any) -> list[Any]:
    """What is to be written of a column: texts, numbers, days, and None for nothing."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        table = [*_cells(pd.Series(column.cat.categories)), None]
        return [table[code] for code in column.cat.codes.tolist()]
    if pd.api.types.is_datetime64_any_dtype(dtype):
        utc = column.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(dtype, "tz", None) is not None else column
        here, stamps = column.notna().tolist(), utc.to_numpy().astype("M8[ms]").astype(np.int64).tolist()
        return [_day(stamp) if known else None for stamp, known in zip(stamps, here, strict=True)]
    return [_cell(value) for value in column.astype(object).tolist()]


def _day(stamp_ms: int) -> Any:
    """A spreadsheet has no day before 1900-03-01 that all of them agree about, and none after 9999."""
    days = stamp_ms / _DAY_MS + _EPOCH_DAY
    return _Day(days) if 61 <= days < 2_958_466 else str(np.datetime64(stamp_ms, "ms"))  # noqa: PLR2004 - see above


def _cell(given: Any) -> Any:
    value = plain(given)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple | list | dict):
        return _text(json.dumps(value, ensure_ascii=False, default=str)) if value else None
    if value is None or isinstance(value, bool):
        return value
    exact = abs(value) <= _EXACT if isinstance(value, int) else np.isfinite(value)
    return value if exact else str(value)


def _text(text: str) -> str | None:
    whole = text.encode(errors="replace").decode()
    return (whole if len(whole) <= CELL_CHARS else whole[: CELL_CHARS - 1] + "…") or None


def _close(file: Any) -> None:
    try:
        file.close()
    except OSError:
        return  # what is still to be written is not wanted
