"""A thread with an event loop for the coroutines of jobs that run in this process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from nbqueue.children.left_tasks import LeftTasks


class LoopThread:
    """Runs coroutines beside one another; the thread ends with the process, or when it is closed and has none left."""

    def __init__(self) -> None:
        self.left_tasks = LeftTasks()
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self.left_tasks.make)
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        self.thread = threading.Thread(target=self._run, name="nbqueue-jobs", daemon=True)
        self.thread.start()

    def begin(
        self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context, cut_short: Callable[[], None]
    ) -> Callable[[], None]:
        """Run a coroutine in that context; gives what cancels it, from any thread.

        `cut_short` is called where it was cancelled, perhaps before its first step.
        """
        begun: list[asyncio.Task[None]] = []

        def start() -> None:
            # not by the factory: the task is the job's own, none that it left
            task = asyncio.Task(coroutine, loop=self._loop, context=context)
            begun.append(task)
            self._running.add(task)
            task.add_done_callback(partial(self._over, cut_short))

        def cancel() -> None:
            for task in begun:
                task.cancel()

        self.soon(start)
        return lambda: self.soon(cancel)

    def soon(self, act: Callable[[], object]) -> None:
        """Call something in the thread, in the loop's next round."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act)

    def close(self) -> None:
        """End the thread once nothing runs in it; one that is held by code that does not yield goes on with it."""
        self._closed = True
        self.soon(self._end_if_idle)

    def _over(self, cut_short: Callable[[], None], task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            cut_short()
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._closed and not self._running:
            self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
