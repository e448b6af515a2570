"""The charts of a report as pictures that stand in a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from nbqueue.analysis import charts

#: what the charts read of a frame
COLUMNS = (
    "state", "function", "worker", "label", "submitted_at", "due_at", "started_at", "finished_at", "wait_s",
    "duration_s", "error_type",
)  # fmt: skip
_CHARTS = (
    charts.throughput, partial(charts.failures, by="function"), partial(charts.failures, by="error_type"), charts.depth,
    charts.waits, partial(charts.waits, over="time"), charts.durations, partial(charts.durations, over="time"),
    charts.timeline, partial(charts.retries, by="function"),
)  # fmt: skip


def pictures(df: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """What each chart shows, in words, and its picture as a data URL."""
    for chart in _CHARTS:
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        title = chart(df, figure.add_subplot()).get_title()
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        yield title, "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()
