"""The values of many jobs, each unpickled once, in the thread that waited for them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbqueue.client.ended import Ended
from nbqueue.client.handle import Job

#: seconds after which an event loop has its turn again
STEP_S = 0.02


def value(ended: Ended, job: Job[Any], *, return_errors: bool = False) -> Any:
    """The value of a job that has ended; its error is given or raised."""
    job.know(ended)
    try:
        return job.value(ended)
    except Exception as error:
        if return_errors:
            return error
        raise


def in_steps(members: Sequence[Job[Any]], ended: Mapping[str, Ended]) -> Iterator[None]:
    """Unpickle what there is, and pause again and again; afterwards each value is at hand."""
    turn_at = time.perf_counter() + STEP_S
    for job in members:
        if job.id in ended:
            value(ended[job.id], job, return_errors=True)
        if time.perf_counter() > turn_at:
            yield
            turn_at = time.perf_counter() + STEP_S
