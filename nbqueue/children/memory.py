"""Watches the memory of a child's processes while a run with a limit is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nbqueue.children import lineage

_PERIOD_S = 0.2
#: near the limit it looks more often
_NEAR = 0.5
_NEAR_PERIOD_S = 0.05


class MemoryWatch:
    """Samples resident memory and says when the limit is passed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pid: int, limit_bytes: int, passed: Callable[[], None]) -> None:
        self._loop = loop
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._passed = passed
        #: the highest sample
        self.peak_bytes = 0
        self._timer = loop.call_soon(self._look)

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        used = lineage.family_bytes(self._pid, self._limit_bytes)
        self.peak_bytes = max(self.peak_bytes, used)
        if used > self._limit_bytes:
            self._passed()
            return
        period_s = _NEAR_PERIOD_S if used > self._limit_bytes * _NEAR else _PERIOD_S
        self._timer = self._loop.call_later(period_s, self._look)
