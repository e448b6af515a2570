"""The stop ladder of one run: its time limit, and the steps from asking to killing, on the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from nbqueue.children.awake import AwakeTimer
from nbqueue.children.running import Running
from nbqueue.model.outcome import StopReason

#: ask: flags only; interrupt: SIGINT unless the code is cooperative; terminate: SIGTERM
Step = Literal["ask", "interrupt", "terminate"]

#: seconds that a run with a limit gets on top of it until its code starts: large libraries are imported and large
#: arguments rebuilt in less, and what takes longer may never end
LOADING_S = 30.0


class Ladder:
    """Asks at once, terminates and kills later; before a time limit it only asks."""

    def __init__(
        self,
        running: Running,
        loop: asyncio.AbstractEventLoop,
        step: Callable[[Running, Step], None],
        kill: Callable[[Running], None],
        waits: Callable[[Running], bool],
    ) -> None:
        """Args: how to take a step, and the last one; whether the run only waits for others in its child."""
        self._running = running
        self._loop = loop
        self._step = step
        self._kill = kill
        self._waits = waits
        self._timers: list[asyncio.TimerHandle | AwakeTimer] = []
        self._loading: AwakeTimer | None = None
        #: whether the ladder itself has begun; before, the code was at most asked
        self.climbing = False

    def load(self) -> None:
        """A child that lives has the run: with a limit it must start within that and `LOADING_S`.

        Called again when the child begins to load it. Time behind others does not count.
        """
        self._loaded()
        limit_s = self._running.run.timeout_s
        if limit_s is not None:
            self._loading = AwakeTimer(self._loop, limit_s + LOADING_S, self._not_loaded)

    def begin(self) -> None:
        """The code starts now: its time limit counts from here."""
        self._loaded()
        limit_s = self._running.run.timeout_s
        if limit_s is not None:
            self._timers += [
                AwakeTimer(self._loop, max(limit_s - self._running.run.grace_s, 0.0), self._ask),
                AwakeTimer(self._loop, limit_s, self._limit),
            ]

    def stop(self, reason: StopReason) -> None:
        """Climb, once."""
        if self.climbing:
            return
        self.climbing = True
        self._running.stopped_by = reason
        self._step(self._running, "interrupt")
        self._later(self._running.run.terminate_after_s, lambda: self._step(self._running, "terminate"))
        self._later(self._running.run.kill_after_s, lambda: self._kill(self._running))

    def close(self) -> None:
        """The run has ended."""
        self._loaded()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _loaded(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            self._loading = None

    def _not_loaded(self) -> None:
        if self._waits(self._running):
            self.load()
        else:
            self._limit()

    def _ask(self) -> None:
        if not self.climbing:
            self._running.stopped_by = "timeout"
            self._step(self._running, "ask")

    def _limit(self) -> None:
        self._running.over_limit = True
        self.stop("timeout")

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        self._timers.append(self._loop.call_later(delay_s, act))
