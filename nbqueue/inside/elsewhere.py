"""For libraries that cannot share a process: the job goes back, and its next attempt has another process."""

from __future__ import annotations

from nbqueue.errors import RetryLater
from nbqueue.inside.context import current

#: attempts that may end so: where each new process comes with the other library, another one helps nobody
_MOST = 3


def elsewhere(why: str) -> RetryLater | None:
    """What to raise so that the job is run again in a new process; None where that is not possible or does not help."""
    job = current()
    if job is None or not job.own_process or job.info.attempt >= _MOST:
        return None
    job.spent = True
    return RetryLater(0, why)
