"""A stop of a search as a state: asked once, asserted until the search has ended."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from time import monotonic

#: seconds between two assertions of a stop: solvers forget one that comes before their search has begun
STOP_PAUSE_S = 0.05
#: seconds between two checkpoints, at least
KEEP_PAUSE_S = 0.5
#: and the share of the time that may go into them: large solutions take long to send, and hold the search up meanwhile
_KEEP_SHARE = 0.1
#: seconds between them at most, however long one has taken
_MOST_PAUSE_S = 10.0


class Attendant:
    """A thread beside a search: it asserts stops, ends it at its limit, and keeps its incumbents."""

    def __init__(self, interrupt: Callable[[], object] | None, keep: Callable[[], object] | None) -> None:
        """Args: what stops the solver, called until it has ended; what keeps the newest incumbent."""
        self._interrupt = interrupt or (lambda: None)
        self._keep = keep
        self._changed = threading.Condition()
        self._over = False
        self._stopping = False
        self._news = False
        self._due_at = 0.0
        self._limit: tuple[float, Callable[[], object]] | None = None
        self._thread = threading.Thread(target=self._attend, daemon=True, name="nbqueue-search")

    def begin(self, limit_s: float | None, at_limit: Callable[[], object]) -> None:
        """Start; `at_limit` is called if the search goes on for so long."""
        self._limit = None if limit_s is None else (monotonic() + limit_s, at_limit)
        self._thread.start()

    def stop(self) -> None:
        """Stop the search, from now until it ends."""
        with self._changed:
            self._stopping = True
            # what is best is to be kept before its process is killed
            self._due_at = min(self._due_at, monotonic() + KEEP_PAUSE_S)
            self._changed.notify()

    def note(self) -> None:
        """There is a new incumbent to keep; never waits for anything."""
        if self._keep is None or self._news:
            return
        self._news = True
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """The search has ended."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _attend(self) -> None:
        while not self._over:
            if self._stopping:
                _quietly(self._interrupt)
            if self._limit is not None and monotonic() >= self._limit[0]:
                at_limit, self._limit = self._limit[1], None
                _quietly(at_limit)
            if self._news and monotonic() >= self._due_at:
                self._keep_now()
            self._rest()
        if self._news:
            self._keep_now()

    def _keep_now(self) -> None:
        self._news = False
        began = monotonic()
        if self._keep is not None:
            _quietly(self._keep)
        with self._changed:
            ended = monotonic()
            long_s = 0.0 if self._stopping else min((ended - began) / _KEEP_SHARE, _MOST_PAUSE_S)
            self._due_at = ended + max(KEEP_PAUSE_S, long_s)

    def _rest(self) -> None:
        """Until something is due or has changed."""
        with self._changed:
            due = [STOP_PAUSE_S] if self._stopping else []
            if self._limit is not None:
                due.append(self._limit[0] - monotonic())
            if self._news:
                due.append(self._due_at - monotonic())
            if not self._over:
                self._changed.wait(max(min(due), 0.0) if due else None)


def _quietly(act: Callable[[], object]) -> None:
    with harmless("Beside a search something failed."):
        act()


@contextlib.contextmanager
def harmless(complaint: str) -> Iterator[None]:
    """Log what fails: it must not change how a search ends, and solvers lose their solution when a callback raises."""
    try:
        yield
    except Exception:
        logging.getLogger("nbqueue").warning(complaint, exc_info=True)


@contextlib.contextmanager
def unshaken() -> Iterator[None]:
    """A stopped job gets a SIGTERM after a second. A search has been asked by then, and its answer would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
