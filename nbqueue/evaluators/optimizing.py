"""An optimization under way: the loop of its study in a thread of this process, waited for as everything is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

from nbqueue.evaluators.interrupts import interrupts
from nbqueue.evaluators.study_loop import StudyLoop
from nbqueue.model.durations import Duration
from nbqueue.model.submitting import Waited, door

#: seconds that whoever interrupts it waits for its trials to be cancelled
_CANCELLED_S = 2.0


class Optimizing:
    """An optimization under way: await it, or call `.wait()`, for the study after its trials.

    It goes on whether somebody waits or not, for as long as this process lives: also where a wait is given up, as by
    `asyncio.wait_for`. Who interrupts the cell that waits for it cancels it, as `study.optimize` would end.
    """

    def __init__(self, loop: StudyLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._is_cancelled = False
        self._pending: Waited[Any] = door().begin(self._work, f"the optimization of {loop.name}", cancel=self.cancel)

    def __await__(self) -> Generator[Any, None, Any]:
        with interrupts.heard():
            try:
                return (yield from self._pending.__await__())
            except asyncio.CancelledError as stopped:
                if interrupts.came:
                    self._interrupted(stopped)
                    yield from asyncio.to_thread(self._over.wait, _CANCELLED_S).__await__()
                raise

    def wait(self, timeout: Duration | None = None) -> Any:
        """The study after its trials, for code that cannot await.

        Args:
            timeout: seconds, a timedelta or text such as "5min", to wait at most; None: as long as it takes.

        Raises:
            TimeoutError: it took longer; the trials go on.
        """
        try:
            return self._pending.wait(timeout)
        except KeyboardInterrupt as stopped:
            self._interrupted(stopped)
            self._over.wait(_CANCELLED_S)
            raise

    def done(self) -> bool:
        """Whether it is over."""
        return self._over.is_set()

    def stop(self) -> None:
        """Let no further trial begin; those that run are waited for. As `study.stop()`, from any cell."""
        self._loop.stop()

    def cancel(self) -> None:
        """End it now: trials that run are cancelled, and have failed. Who waits for it has the study as it is then."""
        with self._lock:
            self._is_cancelled = True
            if self._running is not None and not self._over.is_set():
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)

    def __repr__(self) -> str:
        return f"<Optimizing {self._loop.name}: {self._loop.words}{'' if self.done() else ', under way'}>"

    def _work(self) -> Any:
        """What its thread does."""
        try:
            return asyncio.run(self._whole())
        finally:
            with self._lock:
                self._over.set()

    async def _whole(self) -> Any:
        task = asyncio.current_task()
        with self._lock:
            if task is not None:
                self._running = (asyncio.get_running_loop(), task)
                if self._is_cancelled:
                    task.cancel()
        try:
            return await self._loop.run()
        except asyncio.CancelledError:
            if not self._is_cancelled:
                raise
            return self._loop.study
        finally:
            with self._lock:
                self._running = None

    def _interrupted(self, stopped: BaseException) -> None:
        """Have it end, with a line in the place of a traceback."""
        self.cancel()
        line = f"nbqueue: the optimization of {self._loop.name} was stopped; its trials that ran have failed"
        stopped._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
