"""`df.nbqueue`: the charts of a frame as its methods. Importing this registers it with pandas."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from nbqueue.analysis.arrow import to_arrow, to_parquet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nbqueue.analysis.charts.ends import By as FailuresBy
    from nbqueue.analysis.charts.spans import Over
    from nbqueue.analysis.charts.tries import By as RetriesBy

NAME = "nbqueue"


class FrameAccessor:
    """What can be done with a frame of `nbqueue.history()` or `job.metrics()`; see `nbqueue.charts`."""

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    def throughput(self, ax: Axes | None = None) -> Axes:
        """Attempts that ended over time, stacked by how they ended."""
        return _charts().throughput(self._df, ax)  # type: ignore[no-any-return]

    def failures(self, ax: Axes | None = None, *, by: FailuresBy = "function") -> Axes:
        """What went wrong, by function, error_type or time."""
        return _charts().failures(self._df, ax, by=by)  # type: ignore[no-any-return]

    def durations(self, ax: Axes | None = None, *, over: Over = "function") -> Axes:
        """How long attempts ran, by function or as percentiles over time."""
        return _charts().durations(self._df, ax, over=over)  # type: ignore[no-any-return]

    def waits(self, ax: Axes | None = None, *, over: Over = "function") -> Axes:
        """How long attempts waited, by function or as percentiles over time."""
        return _charts().waits(self._df, ax, over=over)  # type: ignore[no-any-return]

    def timeline(self, ax: Axes | None = None) -> Axes:
        """The newest attempts as bars by worker, with how busy each was."""
        return _charts().timeline(self._df, ax)  # type: ignore[no-any-return]

    def depth(self, ax: Axes | None = None) -> Axes:
        """How many waited and ran at each moment."""
        return _charts().depth(self._df, ax)  # type: ignore[no-any-return]

    def retries(self, ax: Axes | None = None, *, by: RetriesBy = "attempts") -> Axes:
        """How often jobs were tried, or by function what was tried again."""
        return _charts().retries(self._df, ax, by=by)  # type: ignore[no-any-return]

    def convergence(self, ax: Axes | None = None, *, metric: str = "") -> Axes:
        """How solver runs went, of a frame of `metrics()`."""
        return _charts().convergence(self._df, ax, metric=metric)  # type: ignore[no-any-return]

    def to_arrow(self) -> Any:
        """A history as an Arrow table, with its types; `polars.from_arrow` takes it."""
        return to_arrow(self._df)

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write a history to a Parquet file; its path."""
        return to_parquet(self._df, path)

    def report(self) -> Figure:
        """All charts of a history on one page."""
        return _charts().report(self._df)  # type: ignore[no-any-return]


def _charts() -> Any:
    from nbqueue.analysis import charts  # matplotlib is heavy, and a frame does not need it

    return charts


pd.api.extensions.register_dataframe_accessor(NAME)(FrameAccessor)
