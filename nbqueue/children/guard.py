"""The signals of a child: they reach user code while it runs, and nothing else."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Guard:
    """Turns SIGINT into KeyboardInterrupt and SIGTERM into SystemExit in the main thread, only while armed."""

    def __init__(self) -> None:
        self._main = threading.main_thread().ident or 0
        #: whether user code is running in the main thread
        self.armed = False
        #: what to do on SIGINT instead of raising, for code in an event loop
        self.instead: Callable[[], object] | None = None

    def install(self) -> None:
        """Take both signals (again: user code may have taken them)."""
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(signal.SIGTERM, self._on_terminate)

    def interrupt(self) -> None:
        """Send the main thread SIGINT; from another thread."""
        signal.pthread_kill(self._main, signal.SIGINT)

    def terminate(self) -> None:
        """Send the main thread SIGTERM; from another thread."""
        signal.pthread_kill(self._main, signal.SIGTERM)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.armed:
            return
        if self.instead is not None:
            self.instead()
        else:
            raise KeyboardInterrupt("asked to stop")

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        if self.armed:
            raise SystemExit("asked to stop")


def release() -> None:
    """Give both signals their usual meaning, in a forked copy of a child."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
