"""What is to be cancelled when an evaluation or a search is: the job, or the group, that it waits for."""

from __future__ import annotations

import threading
from typing import Any, Protocol


class _Cancellable(Protocol):
    """A job or a group."""

    def cancel(self) -> Any: ...


class Cancelling:
    """Hands a cancel on, whether it comes before there is a job or after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Cancellable | None = None
        self._is_asked = False

    @property
    def is_asked(self) -> bool:
        """Whether somebody wants it to end."""
        return self._is_asked

    def ask(self) -> None:
        """Cancel what it waits for, now and from now on; this does not wait for that."""
        with self._lock:
            self._is_asked = True
            if self._running is not None:
                self._running.cancel()

    def of(self, running: _Cancellable) -> None:
        """This is what it waits for now."""
        with self._lock:
            self._running = running
            if self._is_asked:
                running.cancel()
