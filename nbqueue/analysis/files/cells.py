"""The cells of a frame's column as texts, made a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a format writes what is not a number."""

    #: what stands for nothing
    missing: str
    #: a text
    text: Callable[[str], str]
    #: a tuple, list or dict
    nested: Callable[[Any], str]
    true: str
    false: str
    #: a number that JSON has not: an infinity
    endless: Callable[[float], str] = repr


def columns(df: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Names and columns by their places: names need be neither texts nor different."""
    for place, name in enumerate(df.columns):
        yield str(name), df.iloc[:, place]


def texts(column: Any, style: Style) -> list[str]:
    """A text a cell."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        table = [*texts(pd.Series(column.cat.categories), style), style.missing]
        return [table[code] for code in column.cat.codes.tolist()]
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return [style.text(moment) if moment else style.missing for moment in moments(column)]
    if pd.api.types.is_bool_dtype(dtype):
        said = {True: style.true, False: style.false}
        return _known(column, lambda values: [said[bool(value)] for value in values], style)
    if pd.api.types.is_integer_dtype(dtype):
        return _known(column, lambda values: list(map(str, map(int, values))), style)
    if pd.api.types.is_float_dtype(dtype):
        return _known(column, lambda values: [_number(float(value), style) for value in values], style)
    return [_cell(value, style) for value in column.astype(object).tolist()]


def moments(column: Any) -> list[str]:
    """Times as ISO 8601, those of a zone in UTC with a Z behind; empty where there is none."""
    zone = getattr(column.dtype, "tz", None)
    plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else column
    stamps = plain.to_numpy().astype("M8[us]")
    behind = "Z" if zone is not None else ""
    found = np.datetime_as_string(stamps, unit="us").tolist()
    return ["" if text == "NaT" else text + behind for text in found]


def plain(value: Any) -> Any:
    """A value of a column of objects as Python's own text, number or truth; tuples, lists and dicts as they are."""
    if type(value) is str or isinstance(value, tuple | list | dict):
        return value
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    for kind, like in ((bool, np.bool_), (int, np.integer), (float, np.floating)):
        if isinstance(value, kind | like):
            return kind(value)
    return str(value)


def _known(column: Any, tell: Callable[[list[Any]], list[str]], style: Style) -> list[str]:
    """What `tell` makes of the values that are there, in their places."""
    here = column.notna().to_numpy()
    told = tell(column[here].tolist())
    if len(told) == len(here):
        return told
    found = np.full(len(here), style.missing, dtype=object)
    found[here] = told
    cells: list[str] = found.tolist()
    return cells


def _number(value: float, style: Style) -> str:
    return repr(value) if abs(value) != float("inf") else style.endless(value)


def _cell(given: Any, style: Style) -> str:
    value = plain(given)
    match value:
        case None:
            return style.missing
        case bool():
            return style.true if value else style.false
        case int():
            return str(value)
        case float():
            return _number(value, style)
    return style.text(value) if isinstance(value, str) else style.nested(value)
