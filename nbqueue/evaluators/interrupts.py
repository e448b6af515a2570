"""Ctrl-C and a notebook's stop button, told from the other reasons for which a wait is given up."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any

from nbqueue.inside.context import current

#: seconds in which an interrupt reaches those who wait
_SOON_S = 5.0


class Interrupts:
    """Those of this process, as far as somebody waits in its main thread; they do there what they did."""

    def __init__(self) -> None:
        self._at = -math.inf
        self._waiting = 0
        self._before: Callable[[int, FrameType | None], Any] = signal.default_int_handler

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them within."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._waiting += 1
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and handler != self._hear:
            self._before = handler
            signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting and signal.getsignal(signal.SIGINT) == self._hear:
                signal.signal(signal.SIGINT, self._before)

    @property
    def came(self) -> bool:
        """Whether one came just now, or the job that this runs in is to stop."""
        job = current()
        return monotonic() - self._at < _SOON_S or (job is not None and job.stop.reason is not None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._at = monotonic()
        self._before(number, frame)


interrupts = Interrupts()
