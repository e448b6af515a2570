"""A job or a group that is open in a browser: followed once for all who look at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Any

from nbqueue.board import known
from nbqueue.board.known import Known
from nbqueue.client.group import JobGroup
from nbqueue.client.group_live import GroupLive
from nbqueue.client.known import group_again
from nbqueue.client.link import Link
from nbqueue.client.live import Live
from nbqueue.client.session import Session
from nbqueue.display import view, view_group
from nbqueue.display.view import CardView
from nbqueue.errors import JobLost
from nbqueue.model.job import JobRecord
from nbqueue.model.names import check_job_id
from nbqueue.model.states import State
from nbqueue.web.pages import remains
from nbqueue.web.pages.remains import Remains

#: how long the counts of a group are waited for before its page is shown
KNOWN_S, LOOK_S = 1.0, 0.01
#: jobs of a group that are listed, and seconds after which they are read again at the earliest
LISTED, PACE_S = 1_000, 1.0
#: how often more a job is read at once whose attempts end while it is read
MORE_LOOKS = 2


class JobFollowed:
    """One job."""

    def __init__(self, job_id: str, of: Session) -> None:
        self._id, self._session = job_id, of
        self._live: Live | None = None
        self._remains = Remains()
        self._asked: Future[tuple[Remains, JobRecord]] | None = None
        self._asked_of: object = None
        self._read = 0
        #: when somebody was seen to look at it
        self.seen_at = time.monotonic()

    async def begin(self) -> None:
        """Follow it from now on. Raises JobLost where the server knows no such job."""

        async def begun(link: Link) -> tuple[Live, Remains, JobRecord]:
            live = Live(await link.record(check_job_id(self._id)))
            try:
                await live.begin(link)
                return live, *await _read(link, live)
            except BaseException:
                live.close()
                raise

        # what ends after this record was read is read at the next look
        self._live, self._remains, record = await asyncio.wrap_future(self._session.call(begun))
        self._asked_of = _turning(record)

    async def renew(self) -> None:
        """Read all of it again, and wait for that. Raises JobLost where the server knows it no longer."""

        async def read(link: Link) -> tuple[Remains, JobRecord]:
            assert self._live is not None  # noqa: S101 - begun before
            await self._live.look()
            return await _read(link, self._live)

        self._remains, record = await asyncio.wrap_future(self._session.call(read))
        self._asked, self._asked_of = None, _turning(record)
        self._read += 1

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._read + (0 if self._live is None else self._live.version)

    @property
    def record(self) -> JobRecord:
        """What is known of it now."""
        assert self._live is not None  # noqa: S101 - begun before
        return self._live.record

    @property
    def remains(self) -> Remains:
        """What the server keeps besides."""
        return self._remains

    def card(self, now: datetime, hint: str) -> CardView:
        """What is shown of it; `hint` is what it waits for and no worker has."""
        assert self._live is not None  # noqa: S101 - begun before
        live = self._live
        found = view.of_job(
            live.record, now=now, log_tail=live.log_tail, remote_traceback=live.remote_traceback, trace=live.trace,
            reconnecting=live.reconnecting, hint=hint,
        )  # fmt: skip
        return replace(found, retryable=found.final and self._remains.is_kept and not live.record.is_gone)

    def refresh(self, _: Collection[str] = ()) -> None:
        """Read what is kept again where an attempt more has ended. Does not wait."""
        if self._asked is not None and self._asked.done():
            if not self._asked.cancelled() and self._asked.exception() is None:
                self._remains = self._asked.result()[0]
            self._asked = None
            self._read += 1
        turning = _turning(self.record)
        if self._asked is None and turning != self._asked_of:
            self._asked_of = turning
            self._asked = self._session.call(lambda link: remains.read(link, self._id))

    def close(self) -> None:
        """Follow it no longer."""
        if self._live is not None:
            self._live.close()


class GroupFollowed:
    """The jobs of a group, as one."""

    def __init__(self, group: str, of: Session) -> None:
        self._id, self._session = group, of
        self._group: JobGroup[Any] | None = None
        self._live: GroupLive | None = None
        self._known = Known(stale_s=known.STALE_S)
        self._asked: Future[list[JobRecord]] | None = None
        # the version that was seen last, since when, and when jobs were asked for
        self._asked_of, self._changed_at, self._asked_at = -1, 0.0, 0.0
        self._read = 0
        #: its first jobs
        self.records: Sequence[JobRecord] = ()
        #: when somebody was seen to look at it
        self.seen_at = time.monotonic()

    async def begin(self) -> None:
        """Follow it from now on. Raises JobLost where the server knows none of its jobs."""
        found = await asyncio.wrap_future(self._session.call(lambda link: group_again(link, self._id, self._session)))
        self._group, self._live = found, found.live()
        try:
            for _ in range(round(KNOWN_S / LOOK_S)):
                if self._live.version:
                    break
                await asyncio.sleep(LOOK_S)
            self._take(await asyncio.wrap_future(self._session.call(self._look)))
        except BaseException:
            self.close()
            raise

    async def renew(self) -> None:
        """Read the jobs that are listed again, and wait for that. Raises JobLost where none is known."""
        assert self._group is not None  # noqa: S101 - begun before
        listed = self._group.ids[:LISTED]
        self._asked, self._asked_at = None, time.monotonic()
        found = await asyncio.wrap_future(self._session.call(lambda link: self._look(link, listed)))
        if not found:
            raise JobLost(f'The server no longer knows the jobs of group "{self._id}".')
        self._take(found)

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._read + (0 if self._live is None else self._live.version)

    @property
    def queue(self) -> str:
        """Where its jobs wait; empty where that is not known yet."""
        return self.records[0].queue if self.records else ""

    def card(self, now: datetime, hint: str, *, paused: bool = False) -> CardView:
        """What is shown of it; `hint` is what its jobs wait for and no worker has, `paused` whether its queue is."""
        assert self._live is not None  # noqa: S101 - begun before
        assert self._group is not None  # noqa: S101
        live = self._live
        found = view_group.of_group(
            live.counts, live.total, now=now, label=self._group.label, began_at=live.began_at,
            last_end_at=live.last_end_at, reconnecting=live.reconnecting, hint=hint, failures=live.failures,
            errors=live.errors, before=live.before, group_id=self._id,
            rates=live.rates(live.last_end_at or now if live.ended else now), paused=paused,
            why=f'queue "{self.queue}" is paused' if paused else "",
        )  # fmt: skip
        again = (f"retried as {live.retried_by}",) if live.retried_by else ()
        return replace(found, notes=(*found.notes, *again))

    def refresh(self, visible: Collection[str] = ()) -> None:
        """Read jobs of it again where one has changed: those on the page once a second, others seldom."""
        assert self._live is not None  # noqa: S101 - begun before
        if self._asked is not None and self._asked.done():
            if not self._asked.cancelled() and self._asked.exception() is None:
                self._take(self._asked.result())
            self._asked = None
        now = time.monotonic()
        if self._live.version != self._asked_of:
            self._asked_of, self._changed_at = self._live.version, now
        # after the last change until all has been read that is read seldom
        moves = now - self._changed_at < known.STALE_S + 2 * PACE_S
        if self._asked is None and moves and now - self._asked_at >= PACE_S:
            self._asked_at = now
            self._asked = self._session.call(lambda link: self._look(link, visible))

    async def _look(self, link: Link, visible: Collection[str] = ()) -> list[JobRecord]:
        assert self._group is not None  # noqa: S101 - begun before
        running = {record.id for record in self.records if record.state is State.RUNNING}
        return await self._known.read(link, self._group.ids[:LISTED], running, visible)

    def _take(self, found: Sequence[JobRecord]) -> None:
        if found != self.records:
            self.records = found
            self._read += 1

    def close(self) -> None:
        """Follow it no longer."""
        if self._live is not None:
            self._live.close()


Followed = JobFollowed | GroupFollowed


async def _read(link: Link, live: Live) -> tuple[Remains, JobRecord]:
    """What is kept of a job, and the record that it is of: of the same moment as what is followed, if it can be had."""
    found, record = await remains.read(link, live.record.id)
    for _ in range(MORE_LOOKS):
        if _turning(record) == _turning(live.record):
            break
        await live.look()
        found, record = await remains.read(link, live.record.id)
    return found, record


def _turning(record: JobRecord) -> object:
    """Differs once another attempt has ended."""
    return record.state, record.tries, record.losses, record.crashes
