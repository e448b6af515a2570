"""What code in a job may call; knows no server."""

from nbqueue.inside.asking import cpus, current_job, on_stop, should_stop, stop_reason, time_left
from nbqueue.inside.context import JobContext, JobInfo
from nbqueue.inside.reporting import checkpoint, last_checkpoint, log, progress, report, track

__all__ = [
    "JobContext",
    "JobInfo",
    "checkpoint",
    "cpus",
    "current_job",
    "last_checkpoint",
    "log",
    "on_stop",
    "progress",
    "report",
    "should_stop",
    "stop_reason",
    "time_left",
    "track",
]
