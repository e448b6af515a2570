"""A stream of things that happen on the portal, taken one by one in any event loop or thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, Self, TypeVar

from nbqueue.client import own_frames
from nbqueue.client.pending import Pending

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds what came and was not taken yet."""

    def __init__(self, most: int | None = None) -> None:
        self._lock = threading.Lock()
        self._items: deque[T] = deque(maxlen=most)
        self._more: Future[None] | None = None
        self._ended = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """One more; where there is a limit, the oldest goes."""
        with self._lock:
            self._items.append(item)
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """No more will come; `error` is raised once everything was taken."""
        with self._lock:
            self._ended, self._error = True, error
        self._wake()

    def take(self) -> tuple[T] | None:
        """The next one, or None while there is none. Raises EndOfStream, or what ended it."""
        with self._lock:
            if self._items:
                return (self._items.popleft(),)
            if not self._ended:
                return None
        raise self._error or EndOfStream

    def more(self) -> Future[None]:
        """Done as soon as there is something to take."""
        with self._lock:
            if self._more is None:
                self._more = Future()
                if self._items or self._ended:
                    self._more.set_result(None)
            return self._more

    def _wake(self) -> None:
        with self._lock:
            more, self._more = self._more, None
        if more is not None and not more.done():
            more.set_result(None)


class EndOfStream(Exception):
    """Everything was taken, and no more will come."""


class Stream(Generic[T]):
    """Iterate with `async for`, or with `for` in sync code. Leaving the loop ends it."""

    def __init__(
        self,
        mailbox: Mailbox[Any],
        leave: Callable[[], None],
        what: str,
        read: Callable[[Any], T] | None = None,
        line: str = "",
    ) -> None:
        self._mailbox = mailbox
        self._leave = leave
        self._what = what
        self._line = line
        self._read = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            while (taken := self._mailbox.take()) is None:
                await Pending(self._mailbox.more(), what=self._what, line=self._line, for_jobs=True)
        except EndOfStream:
            raise StopAsyncIteration from None
        except asyncio.CancelledError as stopped:
            own_frames.cut(stopped)
            raise
        return self._value(taken[0])

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            while (taken := self._mailbox.take()) is None:
                Pending(self._mailbox.more(), what=self._what, line=self._line, for_jobs=True).wait()
        except EndOfStream:
            raise StopIteration from None
        return self._value(taken[0])

    def close(self) -> None:
        """Take no more."""
        self._leave()

    def _value(self, item: Any) -> T:
        value: T = item if self._read is None else self._read(item)
        return value

    def __del__(self) -> None:
        self._leave()
