"""Frames of a history put together: in the order of the ends, each attempt once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbqueue.analysis.columns import COLUMNS
from nbqueue.analysis.files import arrow_table, extras
from nbqueue.analysis.frame import Rows

#: what makes an attempt one: two rows that have these in common are the same
SAME = ("job", "attempt", "entry")
_TEXTS = ("job", "entry")
_NUMBERS = ("ms", "number")
_ENTRY = r"\A(?P<ms>[0-9]{1,18})-(?P<number>[0-9]{1,18})\z"


def merged(frames: Collection[pd.DataFrame], *, limit: int | None = None) -> pd.DataFrame:
    """Frames of a history as one: in the order of the ends, each attempt once, of those the newest `limit`."""
    some = [frame for frame in frames if len(frame)]
    if not some:
        return Rows().frame()
    found: dict[str, Any] = {}
    for column in COLUMNS:
        parts = [frame[column.name] for frame in some]
        if column.kind == "category":
            found[column.name] = pd.api.types.union_categoricals(parts)
        else:
            found[column.name] = pd.concat(parts, ignore_index=True)
    result = pd.DataFrame(found, copy=False)
    again = _again(result)
    order = _order(result)
    kept = order[~again[order]]
    kept = kept if limit is None else kept[-limit:]
    if len(kept) < len(result) or (kept[1:] < kept[:-1]).any():
        result = result.take(kept).reset_index(drop=True)
    result.attrs["unreadable"] = sum(frame.attrs.get("unreadable", 0) for frame in some)
    return result


def in_order(df: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of their entries; those of one entry stay as they are."""
    return df.take(_order(df))


def places(df: pd.DataFrame) -> pd.DataFrame:
    """The two numbers of the entry of each row: milliseconds, and which of that millisecond."""
    compute = extras.load("pyarrow.compute", "parquet", "Archives")
    found = compute.extract_regex(_texts(df["entry"]), _ENTRY)
    parts = {name: compute.struct_field(found, name).cast("int64").fill_null(0) for name in _NUMBERS}
    return pd.DataFrame({name: part.to_numpy() for name, part in parts.items()}, copy=False)


def _order(df: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The numbers of the rows in the order of their entries."""
    at = places(df)
    return np.lexsort([at[name] for name in reversed(_NUMBERS)])


def _again(df: pd.DataFrame) -> Any:
    """Whether a row before each is the same attempt."""
    codes = {name: _texts(df[name]).dictionary_encode().combine_chunks().indices.fill_null(-1) for name in _TEXTS}
    numbers = df["attempt"].to_numpy(dtype="int64", na_value=-1)
    found = pd.DataFrame({**{name: each.to_numpy() for name, each in codes.items()}, "attempt": numbers}, copy=False)
    return found.duplicated().to_numpy()


def _texts(column: Any) -> Any:
    """A column of texts as Arrow has it."""
    arrow = arrow_table.library()
    found = arrow.array(column, type=arrow.string(), from_pandas=True)
    return found if isinstance(found, arrow.ChunkedArray) else arrow.chunked_array([found])
