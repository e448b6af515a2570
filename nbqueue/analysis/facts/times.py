"""Times of a frame as whole milliseconds, and the buckets of time that a chart has for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Whole = npt.NDArray[np.int64]

#: bucket widths in seconds, from which the first that gives at most `BUCKETS` buckets is taken
WIDTHS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 7 * 86_400, 30 * 86_400)
BUCKETS = 60
#: a time that is not there
NEVER = np.iinfo("int64").min
_YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Buckets:
    """Stretches of time of the same length, one after another."""

    begin_ms: int
    width_s: int
    number: int

    def place(self, times_ms: Whole) -> Whole:
        """The number of the bucket that each time is in."""
        return (times_ms - self.begin_ms) // (self.width_s * 1000)

    @property
    def begins(self) -> pd.DatetimeIndex:
        """When each begins (UTC)."""
        return moments(self.begin_ms + np.arange(self.number, dtype="int64") * self.width_s * 1000)


def milliseconds(column: Any) -> Whole:
    """A column of times as milliseconds since 1970; `NEVER` where there is none."""
    found = pd.to_datetime(column, utc=True, errors="coerce")
    whole: Whole = found.to_numpy(dtype="datetime64[ms]").view("int64")
    return whole


def moments(times_ms: Whole) -> pd.DatetimeIndex:
    """Milliseconds since 1970 as moments (UTC)."""
    return pd.DatetimeIndex(times_ms.astype("datetime64[ms]"), tz="UTC")


def buckets(times_ms: Whole) -> Buckets:
    """Buckets for these times, of which there is at least one."""
    first, last = int(times_ms.min()), int(times_ms.max())
    width = _width((last - first) / 1000)
    begin = first // (width * 1000) * width * 1000
    return Buckets(begin, width, (last - begin) // (width * 1000) + 1)


def _width(span_s: float) -> int:
    fits = next((width for width in WIDTHS_S if span_s / width < BUCKETS), 0)
    return fits or _YEAR_S * math.ceil(span_s / _YEAR_S / BUCKETS)
