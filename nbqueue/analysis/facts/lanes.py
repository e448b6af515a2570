"""The lanes of a timeline: attempts that ran at once stand beside one another, those of a worker together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nbqueue.analysis.facts.texts import texts
from nbqueue.analysis.facts.times import NEVER, milliseconds

#: attempts a timeline draws: the newest so many
BARS = 500


def lanes(df: pd.DataFrame) -> pd.DataFrame:
    """The newest attempts that started, each with a lane in which it overlaps with no other.

    Columns: lane, worker, start and length (s from the first start), state, label; when the first began stands in
    `attrs["began_ms"]`, how many there are in all in `attrs["ran"]`.
    """
    started, ended = milliseconds(df["started_at"]), milliseconds(df["finished_at"])
    [ran] = np.nonzero((started != NEVER) & (ended != NEVER))
    rows = ran[-BARS:]
    some = df.iloc[rows]
    began_ms = int(started[rows].min()) if len(rows) else 0
    bars = pd.DataFrame(
        {
            "worker": _texts(some, "worker"),
            "start_s": (started[rows] - began_ms) / 1000,
            "length_s": np.maximum(ended[rows] - started[rows], 0) / 1000,
            "state": _texts(some, "state"),
            "label": _texts(some, "label"),
        }
    ).sort_values(["worker", "start_s"], kind="stable")
    bars.insert(0, "lane", _pack(bars))
    bars.attrs.update(began_ms=began_ms, ran=len(ran))
    return bars.reset_index(drop=True)


def busy(bars: pd.DataFrame) -> pd.DataFrame:
    """Of each worker its first and last lane, and which share of their time, from first start to last end, was used."""
    span_s = float((bars["start_s"] + bars["length_s"]).max()) or 1.0
    found = bars.groupby("worker", sort=False).agg(
        first=("lane", "min"), last=("lane", "max"), used_s=("length_s", "sum")
    )
    found["share"] = found.pop("used_s") / (span_s * (found["last"] - found["first"] + 1))
    return found


def _texts(df: pd.DataFrame, column: str) -> Any:
    if column not in df.columns:
        return [""] * len(df)
    return texts(df[column])


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
