"""A frame as a CSV file that spreadsheets can open safely."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

import pandas as pd

from nbqueue.errors import ConfigurationError

#: texts that a spreadsheet would run as a formula; a quote mark before them keeps them text
_FORMULA = re.compile(r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n]")


def export_csv(df: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a frame to `path` as UTF-8 CSV without its index, and give the path back.

    Times are ISO 8601 in UTC, tuples, lists and dicts JSON. The file appears whole or not at all.

    Raises:
        ConfigurationError: the folder does not exist or cannot be written to.
    """
    target = Path(path).expanduser().absolute()
    plain = pd.DataFrame({str(name): _plain(df[name]) for name in df.columns}).rename(columns=_safe)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            plain.to_csv(file, index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        text = f"{target} cannot be written: {error.strerror}. Give a path in a folder of yours."
        raise ConfigurationError(text) from error
    finally:
        with contextlib.suppress(OSError):  # where it could not be made
            part.unlink()
    return target


def _plain(column: Any) -> Any:
    """A column whose cells are safe to write."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC")
    if pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype):
        return column.astype(object).map(_cell, na_action="ignore")
    return column


def _cell(value: Any) -> Any:
    if isinstance(value, tuple | list | dict):
        return _safe(json.dumps(value, ensure_ascii=False, default=str)) if value else None
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    return "'" + text if _FORMULA.match(text) else text
