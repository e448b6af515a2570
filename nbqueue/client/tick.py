"""A tick for event loops that somebody waits in: it wakes them, so that the interrupt of a cell is noticed soon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

#: a sleeping loop does not see an interrupt by itself; this is how often it is woken
TICK_S = 0.2


class _Tick:
    """The one tick of a loop, alive as long as somebody waits there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    def beat(self) -> None:
        """Waking up is all: the loop then runs whatever the interrupt left for it."""
        self._timer = self._loop.call_later(TICK_S, self.beat)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


_ticks: dict[asyncio.AbstractEventLoop, _Tick] = {}


@contextlib.contextmanager
def ticking(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Keep the loop waking up while the block runs; any number of blocks share one tick."""
    tick = _ticks.get(loop)
    if tick is None:
        tick = _ticks[loop] = _Tick(loop)
        tick.beat()
    tick.waiting += 1
    try:
        yield
    finally:
        tick.waiting -= 1
        if not tick.waiting:
            tick.stop()
            _ticks.pop(loop, None)
