"""Charts of the frames that `nbqueue.history()` and `job.metrics()` give; importing this loads matplotlib."""

import nbqueue.analysis.accessor  # noqa: F401 - gives frames df.nbqueue
from nbqueue.analysis.charts import (
    convergence,
    depth,
    durations,
    failures,
    report,
    retries,
    throughput,
    timeline,
    waits,
)
from nbqueue.notebook.live_charts.live import live

__all__ = [
    "convergence",
    "depth",
    "durations",
    "failures",
    "live",
    "report",
    "retries",
    "throughput",
    "timeline",
    "waits",
]
