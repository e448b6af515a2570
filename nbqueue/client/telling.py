"""Calls callables of the user's from threads of their own, so that they may block and submit."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from nbqueue.client.portal import errand

log = logging.getLogger("nbqueue")

#: threads for such calls at once; what comes beyond waits for one of them
THREADS = 32

Told = Callable[[Any], object]

#: what the log says of one that raised, by what it was told of
OF_JOB = "on_done of %r failed; the job is not affected."
OF_GROUP = "on_done of %r failed; its jobs are not affected."
OF_ALERT = "A callable of an alert failed, called with %r; the alert goes on."


class Calls:
    """Calls that may block, in threads that the end of the process waits for."""

    def __init__(self, most: int = THREADS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Told, Any, str]] = deque()
        self._running = 0

    def call(self, told: Told, subject: Any, failed: str) -> None:
        """Call it soon; an error in it is logged as `failed`, and changes nothing."""
        with self._lock:
            self._waiting.append((told, subject, failed))
            if self._running >= self._most:
                return
            self._running += 1
        self._start()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """In one of these threads: let another take its place for as long as it may block."""
        with self._lock:
            others = bool(self._waiting)
            self._running -= not others
        if others:
            self._start()
        try:
            yield
        finally:
            with self._lock:
                self._running += 1

    def _start(self) -> None:
        # no daemon, as the thread that calls this is: what has begun is finished before the interpreter ends
        thread = threading.Thread(target=self._work, name="nbqueue-on-done", daemon=False)
        try:
            thread.start()
        except RuntimeError as error:
            if not errand(self._work):
                self._give_up(error)

    def _give_up(self, error: RuntimeError) -> None:
        """Log what nobody will call: there is no thread for it, and the end of the process has waited."""
        with self._lock:
            self._running -= 1
            left = [] if self._running else list(self._waiting)
            if left:
                self._waiting.clear()
        for _, subject, failed in left:
            log.error("%s It was not called: %s.", failed % (subject,), error)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                told, subject, failed = self._waiting.popleft()
            guarded(told, subject, failed)


def guarded(told: Told, subject: Any, failed: str) -> None:
    """Call it; an error in it is logged as `failed`, and changes nothing."""
    try:
        told(subject)
    except Exception:
        log.exception(failed, subject)


#: those of the user's, and those that hand over the ends of jobs: for which the first may wait
_calls, _ends = Calls(), Calls()
#: how many more may be called where ends are handed over
_free = threading.Semaphore(THREADS)


def tell(callables: Iterable[Told], subject: Any, failed: str = OF_JOB) -> None:
    """Call each with the subject, soon and elsewhere."""
    for told in callables:
        _calls.call(told, subject, failed)


def hand_over(told: Told, subject: Any, failed: str) -> None:
    """Call what hands over the end of a job, soon and elsewhere, whatever callables of the user's wait for."""
    _ends.call(told, subject, failed)


def call_back(told: Told, subject: Any, failed: str) -> None:
    """From what hands over an end: call a callable of the user's, which may wait for other ends.

    It is called at once and here; where as many as there may be are busy so, elsewhere when it has its turn.
    """
    free = _free
    if not free.acquire(blocking=False):
        tell((told,), subject, failed)
        return
    try:
        with _ends.aside():
            guarded(told, subject, failed)
    finally:
        free.release()


def tell_after(over: Future[None], told: Told, subject: Any, failed: str) -> None:
    """Call it with the subject once that is over; not where it went wrong or was given up."""

    def ended(done: Future[None]) -> None:
        if not done.cancelled() and done.exception() is None:
            tell((told,), subject, failed)

    over.add_done_callback(ended)


def _forget() -> None:
    """In a forked copy: the threads are not there."""
    global _calls, _ends, _free
    _calls, _ends, _free = Calls(), Calls(), threading.Semaphore(THREADS)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
