"""What a report says in numbers: how many ended how, function by function, and of which errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

#: what is counted
COLUMNS = ("state", "function", "queue", "error_type", "finished_at", "wait_s", "duration_s")
#: functions and errors that are named: the most frequent
MOST = 30
#: what has ended well, or goes on
_WELL = ("succeeded", "retried")

Table = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]


def sentence(df: pd.DataFrame) -> str:
    """How many attempts, and from when to when."""
    ends = df["finished_at"].dropna()
    if ends.empty:
        return "No attempts in this period."
    first, last = (f"{end:%Y-%m-%d %H:%M:%S}" for end in (ends.min(), ends.max()))
    return f"{len(df):,} attempts that ended between {first} and {last} (UTC)."


def tables(df: pd.DataFrame) -> Iterator[Table]:
    """Title, names of columns and rows of each table, whatever is not empty."""
    if not len(df):
        return
    yield (
        "How they ended",
        ("state", "attempts", "share"),
        [(state.replace("_", " "), f"{count:,}", f"{count / len(df):.1%}") for state, count in _counts(df["state"])],
    )
    yield "Queues", ("queue", "attempts"), [(name, f"{count:,}") for name, count in _counts(df["queue"])]
    heads = ("function", "attempts", "did not succeed", "median wait", "median duration", "95 % within")
    yield "Functions", heads, [_function(name, df[df["function"] == name]) for name, _ in _counts(df["function"])]
    errors = [(name, f"{count:,}") for name, count in _counts(df["error_type"])]
    if errors:
        yield "Errors", ("error", "attempts"), errors


def _counts(column: Any) -> list[tuple[str, int]]:
    """The most frequent texts, each with its number."""
    found = column.astype(object).dropna().value_counts().head(MOST)
    return [(str(name), int(count)) for name, count in found.items()]


def _function(name: str, df: pd.DataFrame) -> tuple[str, ...]:
    failed = int((~df["state"].isin(_WELL) & df["state"].notna()).sum())
    numbers: tuple[Any, ...] = (df["wait_s"].median(), df["duration_s"].median(), df["duration_s"].quantile(0.95))
    return (name, f"{len(df):,}", f"{failed:,}", *("" if pd.isna(each) else f"{each:,.3f} s" for each in numbers))
