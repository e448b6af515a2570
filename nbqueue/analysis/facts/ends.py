"""How attempts ended: by time, and what went wrong by function and by error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nbqueue.analysis.facts.texts import texts
from nbqueue.analysis.facts.times import NEVER, buckets, milliseconds

#: ends of attempts that went wrong; a retried one where it had an error
WRONG = ("failed", "timed_out", "crashed", "expired", "lost", "retried")


def ended_per_bucket(df: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Attempts that ended, one row a bucket of time, one column a state; and the bucket's width in seconds."""
    ends = milliseconds(df["finished_at"])
    known = ends != NEVER
    if not known.any():
        return pd.DataFrame(), 1.0
    found = buckets(ends[known])
    counts = pd.crosstab(found.place(ends[known]), _states(df)[known])
    return counts.reindex(range(found.number), fill_value=0).set_axis(found.begins), float(found.width_s)


def went_wrong(df: pd.DataFrame) -> pd.DataFrame:
    """The attempts that did not end well and were not cancelled."""
    states = _states(df)
    wrong: pd.DataFrame = df[pd.Series(states).isin(WRONG).to_numpy() & ((states != "retried") | _has_error(df))]
    return wrong


def counted(df: pd.DataFrame, column: str) -> pd.DataFrame:
    """Attempts by the text of a column, the most frequent first; one column a state."""
    names = texts(df[column])
    if column == "error_type":
        # a process that was killed or ran out of time has none
        names = np.where(names != "", names, np.array([state.replace("_", " ") for state in _states(df)], dtype=object))
    counts = pd.crosstab(names, _states(df))
    return counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def _has_error(df: pd.DataFrame) -> Any:
    if "error_type" not in df.columns:
        return True
    return texts(df["error_type"]) != ""


def _states(df: pd.DataFrame) -> Any:
    return texts(df["state"])
