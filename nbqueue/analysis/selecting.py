"""Which attempts of an archive are wanted: by the names of its folders, by what Arrow reads, and by the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from nbqueue.analysis.merging import places
from nbqueue.analysis.records import Query

#: the end of the year 9999: there is no day after it
_LAST_MS = 253_402_300_799_999
_BOUND = re.compile(r"(\(?)(\d+)(?:-(\d+))?\Z")


@dataclass(frozen=True, slots=True)
class Bound:
    """The first or last entry that is wanted."""

    ms: int
    #: which entry of that millisecond; None: each
    number: int | None = None
    #: whether it is left out itself
    is_out: bool = False

    @property
    def day(self) -> str:
        """The UTC date it is on."""
        return datetime.fromtimestamp(min(self.ms, _LAST_MS) / 1000, tz=UTC).strftime("%Y-%m-%d")


def bound(text: str) -> Bound | None:
    """A bound as a query has it; None where it bounds nothing."""
    match = _BOUND.match(text)
    return match and Bound(int(match[2]), None if match[3] is None else int(match[3]), bool(match[1]))


def has_day(day: str, asked: Query) -> bool:
    """Whether something of a day can be wanted."""
    first, last = bound(asked.start), bound(asked.end)
    return not ((first and day < first.day) or (last and day > last.day))


def arrow_filter(arrow: Any, field: Any, asked: Query) -> Any:
    """What Arrow can decide while it reads; None: everything is wanted."""
    tests = []
    for text, test in ((asked.start, "__ge__"), (asked.end, "__le__")):
        if (found := bound(text)) is not None:
            moment = arrow.scalar(found.ms, arrow.timestamp("ms", "UTC"))
            tests.append(getattr(field("finished_at"), test)(moment))
    if asked.states:
        tests.append(field("state").isin(list(asked.states)))
    if asked.function:
        tests.append(field("function") == asked.function)
    whole = None
    for each in tests:
        whole = each if whole is None else whole & each
    return whole


def chosen(df: pd.DataFrame, asked: Query) -> pd.DataFrame:
    """Of what Arrow has read the rows that are wanted: tags and numbers of entries it does not know."""
    if asked.tag:
        df = df[[asked.tag in tags for tags in df["tags"]]]
    first, last = bound(asked.start), bound(asked.end)
    if all(each is None or each.number is None for each in (first, last)):
        return df
    at = places(df)
    if first is not None and first.number is not None:
        least = first.number + first.is_out
        df, at = _both(df, at, (at["ms"] > first.ms) | (at["number"] >= least))
    if last is not None and last.number is not None:
        df, at = _both(df, at, (at["ms"] < last.ms) | (at["number"] <= last.number - last.is_out))
    return df


def _both(df: pd.DataFrame, at: pd.DataFrame, kept: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return df[kept.to_numpy()], at[kept.to_numpy()]
