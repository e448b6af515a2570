"""What the charts draw, as plain frames: buckets of time, durations by function, lanes of a timeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: bucket widths in seconds, from which the first that gives at most `BUCKETS` buckets is taken
WIDTHS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 7 * 86_400, 30 * 86_400)
BUCKETS = 60
#: functions shown by name; those with fewer attempts are left to the frame
FUNCTIONS = 12
#: attempts a timeline draws: the newest so many
BARS = 500


def ended_per_bucket(df: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Attempts that ended, one row a bucket of time, one column a state; and the bucket's width in seconds."""
    ends = df["finished_at"].dropna()
    if ends.empty:
        return pd.DataFrame(), 1.0
    width = _width((ends.max() - ends.min()).total_seconds())
    bucket = df["finished_at"].dt.floor(f"{width}s")
    counts = pd.crosstab(bucket, df["state"].astype(str))
    every = pd.date_range(counts.index.min(), counts.index.max(), freq=f"{width}s")
    return counts.reindex(every, fill_value=0), float(width)


def seconds_by_function(df: pd.DataFrame, column: str) -> dict[str, Any]:
    """Seconds of a column for the functions with most attempts, the most frequent first."""
    known = df[df[column].notna()]
    frequent = known["function"].astype(object).value_counts().head(FUNCTIONS)
    return {str(name): known.loc[known["function"] == name, column].to_numpy() for name in frequent.index}


def lanes(df: pd.DataFrame) -> pd.DataFrame:
    """The newest attempts that started, each with a lane in which it overlaps with no other.

    Lanes are kept together by worker; columns: lane, worker, start and length (s from the first start), state, label.
    """
    ran = df[df["started_at"].notna() & df["finished_at"].notna()].tail(BARS)
    if ran.empty:
        return pd.DataFrame(columns=["lane", "worker", "start_s", "length_s", "state", "label"])
    start = (ran["started_at"] - ran["started_at"].min()).dt.total_seconds()
    bars = pd.DataFrame(
        {
            "worker": ran["worker"].astype(object).fillna("").astype(str),
            "start_s": start,
            "length_s": (ran["finished_at"] - ran["started_at"]).dt.total_seconds().clip(lower=0),
            "state": ran["state"].astype(str),
            "label": ran["label"].fillna("").astype(str),
        }
    ).sort_values(["worker", "start_s"], kind="stable")
    bars.insert(0, "lane", _pack(bars))
    return bars.reset_index(drop=True)


def _width(span_s: float) -> int:
    return next((width for width in WIDTHS_S if span_s / width < BUCKETS), WIDTHS_S[-1])


def _pack(bars: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The first free lane of its worker for each bar, bars sorted by worker and start."""
    found: list[int] = []
    first, worker = 0, None
    ends: list[float] = []
    for name, start, length in zip(bars["worker"], bars["start_s"], bars["length_s"], strict=True):
        if name != worker:
            first, ends, worker = first + len(ends), [], name
        free = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[free : free + 1] = [start + length]
        found.append(first + free)
    return np.array(found, dtype="int64")
