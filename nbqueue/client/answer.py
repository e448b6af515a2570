"""An answer that comes from the portal: threads and event loops wait for it, none of them can cancel it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar

from nbqueue.client import hooks
from nbqueue.client.portal import check_outside, is_ending
from nbqueue.client.tick import TICK_S, ticking
from nbqueue.errors import BrokerUnavailable

T = TypeVar("T")


class Answer(Generic[T]):
    """A future of the portal, and the event loops that wait for it."""

    def __init__(self, future: Future[T]) -> None:
        self.future = future
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._waiters: dict[asyncio.Future[None], asyncio.AbstractEventLoop] | None = None

    @property
    def is_here(self) -> bool:
        """Whether waiting is over."""
        return self.future.done()

    @property
    def is_cut_off(self) -> bool:
        """Whether the portal ended before the answer came."""
        return self.future.cancelled()

    def arrives(self) -> Generator[Any, None, None]:
        """Wait in the running event loop. Cancelling the wait cancels nothing else."""
        if self.future.done():
            return
        self._check_process()
        loop = asyncio.get_running_loop()
        waiter = self._join(loop)
        try:
            with ticking(loop):
                yield from waiter
        finally:
            self._leave(waiter)

    def block(self, timeout_s: float | None) -> bool:
        """Wait in this thread; whether the answer is here."""
        if self.future.done():
            return True
        self._check_process()
        hooks.check_may_block()
        check_outside()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.future.done():
            left = TICK_S if deadline is None else min(deadline - time.monotonic(), TICK_S)
            if left <= 0:
                return False
            self._pause(left)
        if is_ending() and self.is_cut_off:
            raise SystemExit  # in a thread that was left waiting: it ends without a word, as the process does
        return True

    def get(self) -> T:
        """The answer, which is here; raises what went wrong."""
        if self.is_cut_off:
            raise cut_off()
        return self.future.result()

    def check(self, answer: Answer[Any]) -> None:
        """Raise what kept this from being `answer`'s arrival; nothing where it is that answer itself."""
        if self is not answer:
            self.get()

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise BrokerUnavailable("This was begun before the process was forked, and goes on there: call again here.")

    def _pause(self, seconds: float) -> None:
        try:
            self.future.exception(seconds)
        except (TimeoutError, CancelledError):
            return  # between slices an interrupt gets through, on Windows too; get() tells of a cancelled future

    def _join(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = loop.create_future()
        with self._lock:
            first = self._waiters is None
            self._waiters = {} if self._waiters is None else self._waiters
            self._waiters[waiter] = loop
        if first or self.future.done():
            self.future.add_done_callback(self._wake)
        return waiter

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        with self._lock:
            if self._waiters is not None:
                self._waiters.pop(waiter, None)

    def _wake(self, _: object) -> None:
        with self._lock:
            waiters, self._waiters = self._waiters or {}, {}
        for waiter, loop in waiters.items():
            try:
                loop.call_soon_threadsafe(_end, waiter)
            except RuntimeError:
                continue  # that loop was closed: nobody waits there any more


def known(value: T) -> Answer[T]:
    """An answer that is here already."""
    future: Future[T] = Future()
    future.set_result(value)
    return Answer(future)


def cut_off() -> BrokerUnavailable:
    """The error for what the end of the portal cut off."""
    return BrokerUnavailable("nbqueue was shut down before the answer came: ask again, it connects anew.")


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
