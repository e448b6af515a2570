"""The desks of an engine: one for each job that asks something, and the clerk they share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nbqueue.children.frames import Header
from nbqueue.children.running import Place, Running
from nbqueue.inside.context import JobContext
from nbqueue.model import errands
from nbqueue.model.errands import Clerk
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.errands import Desk


class Desks:
    """Opens a desk when a job first asks; the clerk is made then too, as most jobs ask nothing."""

    def __init__(self, where: tuple[Any, Any, str], children: Place, limit_bytes: int, blob_bytes: int = 0) -> None:
        """Args: `where` a clerk works: the server's address, the keys, the namespace."""
        self._where = where
        self._children = children
        self._limit_bytes, self._blob_bytes = limit_bytes, blob_bytes
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._clerk: asyncio.Future[Clerk] | None = None
        self._desks: dict[str, Desk] = {}
        #: give back the slot of a job and a claim, and take one again: those of the engine's slots
        self.on_rest: Callable[[tuple[str, int]], bool] = lambda _: True
        self.on_back: Callable[[tuple[str, int]], Awaitable[None]] = _at_once

    def serve(self, attempt: Attempt, running: Running) -> None:
        """Take what a run in a child asks for."""

        def ask(header: Header, payload: bytes) -> None:
            self._desk(attempt, running).take(header, payload)

        running.on_ask = ask

    def line(self, attempt: Attempt, context: JobContext) -> LoopLine:
        """The line of a run in the engine's own loop."""
        line = LoopLine(
            attempt, context, limit_bytes=self._limit_bytes, blob_bytes=self._blob_bytes,
            loop=self._loop, thread=self._thread,
        )  # fmt: skip
        line.ask = lambda header, payload: self._desk(attempt, line).take(header, payload)
        return line

    def cancel(self, job_id: str) -> None:
        """A person has cancelled the job: what it submitted is cancelled too."""
        if job_id in self._desks:
            self._desks[job_id].cancel()

    def end(self, job_id: str) -> None:
        """The job's run has ended."""
        desk = self._desks.pop(job_id, None)
        if desk is not None:
            desk.close()

    async def close(self) -> None:
        """Close the clerk's connections."""
        if self._clerk is not None and self._clerk.done() and self._clerk.exception() is None:
            await self._clerk.result().close()

    def _desk(self, attempt: Attempt, run: Running | LoopLine) -> Desk:
        job_id = attempt.claim.job_id
        found = self._desks.get(job_id)
        if found is None:
            found = self._desks[job_id] = Desk(
                attempt, self._ready, _Slot(self, attempt, self._children, run),
                reply=lambda header, payload: run.answer(header, payload), written=lambda: run.written(),  # noqa: PLW0108 - a run may change its child
                limit_bytes=self._limit_bytes,
            )  # fmt: skip
        return found

    async def _ready(self) -> Clerk:
        """The clerk; what it needs is imported in a thread, so that others go on meanwhile."""
        if self._clerk is None or (self._clerk.done() and self._clerk.exception() is not None):
            self._clerk = asyncio.ensure_future(self._made())
        return await asyncio.shield(self._clerk)

    async def _made(self) -> Clerk:
        clerks = errands.clerks
        assert clerks is not None  # noqa: S101 - the package sets it when it is imported
        await asyncio.to_thread(clerks.load)
        return clerks.make(*self._where)


class LoopLine:
    """The line of a job that runs in the engine's loop: what it asks goes to its desk without a frame."""

    def __init__(
        self, attempt: Attempt, context: JobContext, *, limit_bytes: int, blob_bytes: int,
        loop: asyncio.AbstractEventLoop, thread: int,
    ) -> None:  # fmt: skip
        self.job_id = attempt.claim.job_id
        self.seed = f"{self.job_id}/{attempt.claim.tries}"
        self.limit_bytes, self.blob_bytes = limit_bytes, blob_bytes
        self.plain = attempt.plain
        #: the engine's own
        self.loop: asyncio.AbstractEventLoop | None = loop
        self.hear: Callable[[Mapping[str, Any], bytes], None] | None = None
        self.session: Any = None
        #: takes what is asked; set by the desks
        self.ask: Callable[[Header, bytes], None] = lambda _, __: None
        self._context = context
        self._thread = thread

    def send(self, fields: dict[str, Any], payload: bytes = b"") -> None:
        """Ask."""
        self.ask({**fields, "n": 0}, payload)

    def answer(self, header: Header, payload: bytes) -> None:
        """Hand an answer over."""
        if self.hear is not None:
            self.hear(header, payload)

    async def written(self) -> None:
        """An answer is there at once."""

    def may_block(self) -> bool:
        """Whether the calling thread is not the engine's."""
        return threading.get_ident() != self._thread

    def moved(self, done: int, total: int) -> None:
        """Show how many of its jobs have ended as its progress."""
        self._context.reports.of_others(done, total)


class _Slot:
    """The slot of one run, in the engine's count and among the children."""

    def __init__(self, desks: Desks, attempt: Attempt, children: Place, run: Running | LoopLine) -> None:
        self._desks, self._children, self._run = desks, children, run
        self._key = attempt.claim.job_id, attempt.claim.fence

    def rest(self) -> bool:
        """Give it to others; False where too many have done so."""
        if not self._desks.on_rest(self._key):
            return False
        if isinstance(self._run, Running):
            self._children.rest(self._run)
        return True

    async def back(self) -> None:
        """Have one again."""
        await self._desks.on_back(self._key)
        if isinstance(self._run, Running):
            self._children.back(self._run)


async def _at_once(_: tuple[str, int]) -> None:
    """Nobody counts slots."""
