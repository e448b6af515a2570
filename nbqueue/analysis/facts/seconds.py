"""Seconds of waiting or running: by function, and how they went over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nbqueue.analysis.facts.texts import texts
from nbqueue.analysis.facts.times import NEVER, buckets, milliseconds

#: functions shown by name at most
FUNCTIONS = 12
#: name of a percentile -> the part of the attempts that took no longer
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def seconds_by_function(df: pd.DataFrame, column: str, functions: int = FUNCTIONS) -> tuple[dict[str, Any], list[int]]:
    """Seconds of a column for the functions with most attempts, the most frequent first; and attempts of the others.

    The function with the highest median is there in any case, as the last where it has few attempts.
    """
    seconds = _seconds(df, column)
    known = np.isfinite(seconds)
    own, seconds = texts(df["function"])[known], seconds[known]
    counts = pd.Series(own, dtype=object).value_counts()
    names = list(counts.index)
    if len(names) > functions and (slowest := pd.Series(seconds).groupby(own).median().idxmax()) in names[functions:]:
        names.remove(slowest)
        names.insert(functions - 1, slowest)
    found = {str(name): seconds[own == name] for name in names[:functions]}
    return found, [int(counts[name]) for name in names[functions:]]


def percentiles(df: pd.DataFrame, column: str, when: str) -> tuple[pd.DataFrame, float]:
    """Percentiles of a column by bucket of the time in another, NaN where a bucket has none; and its width in s."""
    seconds, times = _seconds(df, column), milliseconds(df[when])
    known = np.isfinite(seconds) & (times != NEVER)
    if not known.any():
        return pd.DataFrame(), 1.0
    found = buckets(times[known])
    by_bucket = pd.Series(seconds[known]).groupby(found.place(times[known]))
    parts = by_bucket.quantile(np.array(list(PERCENTILES.values()))).unstack()  # noqa: PD010
    table = parts.set_axis(list(PERCENTILES), axis=1).reindex(range(found.number)).set_axis(found.begins)
    return table, float(found.width_s)


def _seconds(df: pd.DataFrame, column: str) -> Any:
    return pd.to_numeric(df[column], errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
