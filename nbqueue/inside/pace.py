"""A ticker on an event loop, for jobs that run in one."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable

from nbqueue.inside.reports import PERIOD_S


class LoopTicker:
    """Ticks on the loop it was made for; may be started from any thread."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()

    def start(self, tick: Callable[[], bool]) -> None:
        """Call `tick` in the loop's next round, then each PERIOD_S until it gives False."""
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._tick, tick)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tick, tick)

    def _tick(self, tick: Callable[[], bool]) -> None:
        if tick():
            self._loop.call_later(PERIOD_S, self._tick, tick)
