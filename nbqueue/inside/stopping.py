"""Whether a job has been asked to stop, why, and who wants to know at once."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from functools import partial

from nbqueue.model.outcome import StopReason


class StopState:
    """A stop as a state: once asked it stays asked, and whoever comes late learns of it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        #: why the job was asked to stop; None while it was not
        self.reason: StopReason | None = None
        #: whether the code has looked or listened for a stop, so that it may end in its own way
        self.cooperative = False
        #: whether the code has learnt that it is to stop
        self.noticed = False
        #: whether the code is to be interrupted, not only asked
        self.interrupting = False

    def asked(self) -> bool:
        """Whether a stop was asked for; looking marks the code as cooperative."""
        self.cooperative = True
        if self.reason is None:
            return False
        self.noticed = True
        return True

    def listen(self, callback: Callable[[], object]) -> None:
        """Call `callback` once when a stop is asked for; at once where it already was."""
        self.cooperative = True
        with self._lock:
            if self.reason is None:
                self._callbacks.append(callback)
                return
            self.noticed = True
        _call(callback)

    def unlisten(self, callback: Callable[[], object]) -> None:
        """Take back what was given to `listen`; nothing where it is not there any more."""
        with self._lock, contextlib.suppress(ValueError):
            self._callbacks.remove(callback)

    def ask(self, reason: StopReason) -> Callable[[], None]:
        """Set the state (a later reason replaces an earlier); gives what tells those who listen."""
        with self._lock:
            self.reason = reason
            waiting, self._callbacks = self._callbacks, []
            self.noticed = self.noticed or bool(waiting)
        return partial(_call_each, waiting)

    @property
    def has_listeners(self) -> bool:
        """Whether anyone waits to be told."""
        return bool(self._callbacks)


def _call_each(callbacks: list[Callable[[], object]]) -> None:
    for callback in callbacks:
        _call(callback)


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:  # a listener that fails must not keep the others from hearing
        logging.getLogger("nbqueue").exception("A function given to on_stop() raised.")
