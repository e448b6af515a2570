"""A timer for limits of running time: it does not go on while its process or machine stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: time is counted in steps of this length
STEP_S = 0.5
#: a step that is late by more than this has slept: it counts for no more than that
LATE_S = 0.5


class AwakeTimer:
    """Calls back after so many seconds in which the loop could turn, as closely as a loop's timer does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, after_s: float, call: Callable[[], object]) -> None:
        self._loop, self._call = loop, call
        self._left_s = after_s
        self._handle = self._next()

    def cancel(self) -> None:
        """Call no more."""
        self._handle.cancel()

    def _next(self) -> asyncio.TimerHandle:
        self._began_at = self._loop.time()
        self._step_s = min(self._left_s, STEP_S)
        return self._loop.call_later(self._step_s, self._passed)

    def _passed(self) -> None:
        self._left_s -= min(self._loop.time() - self._began_at, self._step_s + LATE_S)
        if self._left_s <= 0:
            self._call()
        else:
            self._handle = self._next()
