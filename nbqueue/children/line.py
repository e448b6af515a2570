"""The line of a job in a child to its engine: questions go out as frames, what comes back is handed to who asked."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Protocol

from nbqueue.errors import NbqueueError
from nbqueue.inside.context import JobContext

#: seconds that the end of a run waits for what it submitted last to be answered for
SETTLE_S = 30.0


class Sends(Protocol):
    """What sends frames, from any thread."""

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        """Send a frame."""


class ChildLine:
    """One run's line; frames of it carry the run's number."""

    def __init__(
        self, context: JobContext, number: int, *, seed: str, limit_bytes: int, blob_bytes: int, post: Sends,
        may_block: Callable[[], bool], plain: bool,
    ) -> None:  # fmt: skip
        self.job_id = context.info.id
        self.seed = seed
        self.limit_bytes, self.blob_bytes = limit_bytes, blob_bytes
        self.plain = plain
        #: the client's part runs in a thread of its own
        self.loop: AbstractEventLoop | None = None
        self.hear: Callable[[Mapping[str, Any], bytes], None] | None = None
        self.session: Any = None
        self.may_block = may_block
        self._context = context
        self._number = number
        self._post = post

    def send(self, fields: dict[str, Any], payload: bytes = b"") -> None:
        """Send a question."""
        self._post.send({**fields, "n": self._number}, payload)

    def moved(self, done: int, total: int) -> None:
        """Show how many of its jobs have ended as its progress."""
        self._context.reports.of_others(done, total)


async def settled(context: JobContext) -> None:
    """As `settle`, of a coroutine."""
    if context.session is not None:
        await asyncio.wait([asyncio.wrap_future(context.session.settled())], timeout=SETTLE_S)


def settle(context: JobContext) -> None:
    """Wait until what the run submitted was answered for, so that its end does not overtake it."""
    if context.session is not None:
        with suppress(NbqueueError, TimeoutError, CancelledError):
            context.session.settled().result(SETTLE_S)
