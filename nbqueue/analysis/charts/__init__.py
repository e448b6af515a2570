"""Charts of a history frame. Each takes the frame and an optional axes, and gives the axes back."""

from __future__ import annotations

from nbqueue.analysis.charts.curves import convergence
from nbqueue.analysis.charts.ends import failures, throughput
from nbqueue.analysis.charts.page import report
from nbqueue.analysis.charts.queues import depth
from nbqueue.analysis.charts.spans import durations, waits
from nbqueue.analysis.charts.tries import retries
from nbqueue.analysis.charts.workers import timeline

__all__ = [
    "convergence",
    "depth",
    "durations",
    "failures",
    "report",
    "retries",
    "throughput",
    "timeline",
    "waits",
]
