"""What code in a job may ask: whether to stop and why, how long it has, who it is."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from nbqueue.inside.context import JobInfo, current
from nbqueue.inside.outside import processors
from nbqueue.model.outcome import StopReason


def should_stop() -> bool:
    """Whether the job was asked to stop: then hand back what there is, soon."""
    job = current()
    return job.stop.asked() if job else False


def stop_reason() -> StopReason | None:
    """Why the job was asked to stop ("cancel", "timeout" or "shutdown"); None while it was not."""
    job = current()
    return job.stop.reason if job and job.stop.asked() else None


def on_stop(callback: Callable[[], object]) -> None:
    """Call `callback` once when the job is asked to stop; at once if it already was.

    In a job with a process of its own it is called in a thread, in a coroutine's job on its loop.
    """
    job = current()
    if job:
        job.stop.listen(callback)


def time_left() -> float | None:
    """Seconds until the job's time limit, 0.0 when it has passed; None without a limit."""
    job = current()
    if job is None or job.deadline is None:
        return None
    return max(job.deadline - monotonic(), 0.0)


def cpus() -> int:
    """How many processors the job may use; outside of jobs, those of this process."""
    job = current()
    return job.info.cpus if job else processors()


def current_job() -> JobInfo | None:
    """What the job may know of itself; None outside of jobs."""
    job = current()
    return job.info if job else None
