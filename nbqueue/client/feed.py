"""The events of one job as a stream: how it stands, then what happens, until it has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from nbqueue.client.answer import cut_off
from nbqueue.client.link import Link, unknown
from nbqueue.client.stream import Mailbox, Stream
from nbqueue.errors import NbqueueError
from nbqueue.model.events import Event, Progressed, StateChanged
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress

log = logging.getLogger("nbqueue")

#: events that wait for a slow reader; the oldest go
MOST = 10_000

CallLink = Callable[[Callable[[Link], Coroutine[Any, Any, None]]], Future[None]]


class Feed:
    """Puts what it hears of a job into a mailbox."""

    def __init__(self, job_id: str, mailbox: Mailbox[Event]) -> None:
        self._job_id = job_id
        self._mailbox = mailbox
        self._link: Link | None = None
        self._left = False
        self._last: StateChanged | None = None
        self._progress = Progress()
        self._ending = False

    async def follow(self, link: Link) -> None:
        """Listen first, then look, so that nothing falls between; until the job has ended or nobody listens."""
        self._link = link
        self._over = asyncio.Event()
        await link.channels.join(self._job_id, self._hear)
        self._catch_up(await link.record(self._job_id))
        if self._left:
            self._leave()
            return
        link.follow.join([self._job_id], self)
        await self._over.wait()

    def stop(self) -> None:
        """Hear no more; from any thread."""
        self._left = True
        if self._link is not None:
            self._link.soon(self._leave)

    def changed(self, change: StateChanged) -> None:
        """Pass a new state on; a look-up may tell one that is known."""
        if change.state.is_final:
            if not self._ending and self._link is not None:
                self._ending = True
                self._link.keep(self._end_with(self._link, change))
        elif self._last is None or (change.state, change.fence) != (self._last.state, self._last.fence):
            self._last = change
            self._mailbox.put(change)

    def lost(self, job_id: str) -> None:
        """Nothing more will come."""
        self.failed(unknown(job_id))

    def connection(self, *, up: bool) -> None:
        """Waiting goes on."""

    def failed(self, error: NbqueueError) -> None:
        """Say why nothing more will come."""
        self._mailbox.end(error)
        self._leave()

    async def _end_with(self, link: Link, change: StateChanged) -> None:
        """The end comes last: a report that was published just before it may not have arrived."""
        try:
            self._catch_up(await link.record(self._job_id))
        except NbqueueError as error:
            log.debug("the last progress of job %s is not known: %s", self._job_id, error)
        self._mailbox.put(change)
        self._mailbox.end()
        self._leave()

    def _catch_up(self, record: JobRecord) -> None:
        if record.progress not in (Progress(), self._progress):
            self._hear(Progressed(job_id=self._job_id, progress=record.progress, fence=record.fence))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Progressed):
            self._progress = event.progress
        self._mailbox.put(event)

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._over.set()
            link.follow.leave([self._job_id], self)
            link.keep(link.channels.leave(self._job_id, self._hear))


def follow_events(job_id: str, call: CallLink) -> Stream[Event]:
    """The stream of a job's events."""
    mailbox: Mailbox[Event] = Mailbox(MOST)
    feed = Feed(job_id, mailbox)
    future = call(feed.follow)
    future.add_done_callback(lambda done: _end(mailbox, done))
    line = f"nbqueue: stopped waiting; job {job_id} goes on (job.cancel() stops it)"
    return Stream(mailbox, feed.stop, what=f"job {job_id}", line=line)


def _end(mailbox: Mailbox[Event], done: Future[None]) -> None:
    error = cut_off() if done.cancelled() else done.exception()
    if error is not None:
        mailbox.end(error)
