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
#: seconds between two checkpoints
KEEP_PAUSE_S = 0.5


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
        self._kept_at = -KEEP_PAUSE_S
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
            if self._news and monotonic() >= self._kept_at + KEEP_PAUSE_S:
                self._keep_now()
            self._rest()
        if self._news:
            self._keep_now()

    def _keep_now(self) -> None:
        self._news = False
        self._kept_at = monotonic()
        if self._keep is not None:
            _quietly(self._keep)

    def _rest(self) -> None:
        """Until something is due or has changed."""
        with self._changed:
            due = [STOP_PAUSE_S] if self._stopping else []
            if self._limit is not None:
                due.append(self._limit[0] - monotonic())
            if self._news:
                due.append(self._kept_at + KEEP_PAUSE_S - monotonic())
            if not self._over:
                self._changed.wait(max(min(due), 0.0) if due else None)


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:  # what goes wrong beside a search must not change how it ends
        logging.getLogger("nbqueue").warning("Beside a search something failed.", exc_info=True)


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
