"""Frames of a history put together: in the order of the ends, each attempt once."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import pandas as pd

from nbqueue.analysis.columns import COLUMNS
from nbqueue.analysis.frame import Rows

#: what makes an attempt one: two rows that have these in common are the same
SAME = ("job", "attempt", "entry")
_ENTRY = re.compile(r"(\d{1,18})-(\d{1,18})\Z")


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
    result = pd.DataFrame(found)
    once = in_order(result[~result.duplicated(list(SAME))])
    once = once if limit is None else once.tail(limit)
    result = once.reset_index(drop=True)
    result.attrs["unreadable"] = sum(frame.attrs.get("unreadable", 0) for frame in some)
    return result


def in_order(df: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of their entries; those of one entry stay as they are."""
    return df.iloc[places(df).sort_values(["ms", "number"], kind="stable").index]


def places(df: pd.DataFrame) -> pd.DataFrame:
    """The two numbers of the entry of each row: milliseconds, and which of that millisecond."""
    found = [_ENTRY.match(entry) if isinstance(entry, str) else None for entry in df["entry"].tolist()]
    return pd.DataFrame(
        [(int(match[1]), int(match[2])) if match else (0, 0) for match in found], columns=["ms", "number"]
    )
