"""Frames as Arrow tables and back: which type is which."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nbqueue.analysis.columns import COLUMNS, DTYPES, STATES, Column
from nbqueue.analysis.files import extras
from nbqueue.analysis.series import TEXT_TABLE
from nbqueue.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

_KNOWN = {column.name: column for column in COLUMNS}
#: the object columns that are lists of texts; the others are JSON texts
LISTS = frozenset({"tags"})
#: objects that are made at once
CELLS = 10_000


def to_arrow(df: pd.DataFrame, schema: pa.Schema | None = None) -> pa.Table:
    """A frame as an Arrow table; polars takes it by `polars.from_arrow`.

    Times are `timestamp[ms, UTC]`, categories dictionaries of texts, tags lists of texts, progress a JSON text, and
    what is missing is null. Columns that a history has not get the type that Arrow finds.

    Args:
        df: a frame of `nbqueue.history()`, or any other.
        schema: the types of the columns, where they are decided already.

    Raises:
        ConfigurationError: pyarrow is not installed, or a column has values of several kinds.
    """
    arrow = library()
    plain = pd.DataFrame({str(name): _plain(str(name), df[name]) for name in df.columns}, index=df.index, copy=False)
    try:
        if schema is None:
            schema = arrow.schema(_field(arrow, name, plain[name]) for name in plain.columns)
        return arrow.Table.from_pandas(plain, schema=schema, preserve_index=False)
    except (arrow.ArrowException, TypeError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"The frame has no Arrow types: {str(error) or type(error).__name__}. Make the columns that have values of "
            "several kinds texts, by astype(str)."
        ) from error


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """The frame of a table that `to_arrow` made; columns of a history have their types, whatever wrote the table."""
    arrow = library()
    mapped = {arrow.string(): pd.StringDtype(), arrow.int64(): pd.Int64Dtype()}
    objects = [name for name in table.column_names if name in _KNOWN and _KNOWN[name].kind == "object"]
    df: pd.DataFrame = table.drop_columns(objects).unify_dictionaries().to_pandas(types_mapper=mapped.get)
    found = {name: _restored(df[name], _KNOWN[name]) if name in _KNOWN else df[name] for name in df.columns}
    for name in objects:
        found[name] = pd.Series(_cells(table[name], name), index=df.index, dtype=object)
    return pd.DataFrame({name: found[name] for name in table.column_names}, index=df.index, copy=False)


def library() -> Any:
    """The module pyarrow; raises ConfigurationError where it is not installed."""
    return extras.load("pyarrow", "parquet", "Arrow tables and Parquet files")


def field_of(column: Column) -> pa.Field:
    """Name and type of a column of a history."""
    arrow = library()
    text = arrow.string()
    kinds = {
        "text": text, "category": arrow.dictionary(arrow.int32(), text), "state": arrow.dictionary(arrow.int32(), text),
        "time": arrow.timestamp("ms", "UTC"), "int": arrow.int64(), "float": arrow.float64(),
        "object": arrow.list_(text) if column.name in LISTS else text,
    }  # fmt: skip
    return arrow.field(column.name, kinds[column.kind])


def _field(arrow: Any, name: str, column: Any) -> Any:
    known = _KNOWN.get(name)
    if known is not None and str(column.dtype) in (DTYPES[known.kind], "object"):
        return field_of(known)
    return arrow.field(name, arrow.Array.from_pandas(column).type)


def _plain(name: str, column: Any) -> Any:
    """A column that Arrow takes: of objects that are no lists of texts their JSON."""
    if not pd.api.types.is_object_dtype(column.dtype):
        return column
    if name in LISTS:
        return column.map(lambda value: list(map(str, value)) if isinstance(value, list | tuple) else [])
    nested = column.map(lambda value: isinstance(value, dict | list | tuple))
    return column.where(~nested.astype(bool), column.map(_json, na_action="ignore")) if nested.any() else column


def _json(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list | tuple) else value


def _restored(column: Any, known: Column) -> Any:
    """A column with the type that it has in a history."""
    if known.kind == "state":
        return pd.Series(
            pd.Categorical(column.astype(object), categories=pd.Index(STATES, dtype=TEXT_TABLE)), index=column.index
        )
    if known.kind == "category":
        found = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
        return found.cat.set_categories(pd.Index(found.cat.categories, dtype=TEXT_TABLE))
    if known.kind == "time" and column.isna().all():
        return pd.Series(pd.NaT, index=column.index, dtype=DTYPES["time"])
    return column.astype(DTYPES[known.kind])


def _cells(column: Any, name: str) -> Any:
    """The objects of a column, so many at a time that no list of all is made beside them."""
    cells = np.empty(len(column), dtype=object)
    read = _tags if name in LISTS else _objects
    for start in range(0, len(column), CELLS):
        cells[start : start + CELLS] = read(column.slice(start, CELLS).to_pylist())
    return cells


def _tags(values: list[Any]) -> list[Any]:
    """Tuples; the same ones are one."""
    found: dict[Any, Any] = {}
    return [
        found.setdefault(each, each)
        for each in (tuple(map(str, value)) if isinstance(value, list) else () for value in values)
    ]


def _objects(values: list[Any]) -> list[Any]:
    """What JSON texts say: read at one go, so that the names in them are kept once, or one by one."""
    texts = [value if isinstance(value, str) else "null" for value in values]
    try:
        found = json.loads(f"[{','.join(texts)}]")
    except ValueError:
        found = []
    return found if len(found) == len(texts) else [_object(text) for text in texts]


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
