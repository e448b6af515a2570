"""Tasks that jobs in a shared loop have started and left: they end with their job."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from nbqueue.inside.context import CURRENT, JobContext

#: seconds that tasks which a job has left may take to end
_TIDY_S = 1.0


class LeftTasks:
    """Remembers for each job the tasks that its code starts; is the loop's task factory."""

    def __init__(self) -> None:
        self._by_job: dict[JobContext, weakref.WeakSet[asyncio.Task[Any]]] = {}

    def make(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """A task that user code starts, remembered for its job."""
        task = asyncio.Task(coro, loop=loop, **options)
        context = options.get("context")
        job = context.get(CURRENT) if context is not None else CURRENT.get()
        if job is not None:
            self._by_job.setdefault(job, weakref.WeakSet()).add(task)
        return task

    async def tidy(self, job: JobContext) -> None:
        """Cancel the tasks that a job has left, as `asyncio.run` does."""
        left = [task for task in self._by_job.pop(job, ()) if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_TIDY_S)
