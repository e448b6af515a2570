"""The one reader of the stream of changes in this process, and everybody who follows jobs through it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from nbqueue.broker import events, jobs
from nbqueue.broker.scripts import TROUBLE
from nbqueue.client.patience import Backoff
from nbqueue.client.wire import Wire
from nbqueue.errors import BrokerUnavailable, LocalStackError, NbqueueError
from nbqueue.model.events import StateChanged

T = TypeVar("T")

log = logging.getLogger("nbqueue")

#: how often the store is asked whether it is still the same
EPOCH_S = 0.8
#: how long the reader goes on when nobody follows
IDLE_S = 5.0
#: jobs looked up in one round trip
SNAPSHOT_JOBS = 1000
#: jobs just submitted whose changes are remembered until somebody follows them
EXPECTED_JOBS = 1000


class Follower(Protocol):
    """Somebody who follows jobs. Called on the portal's loop."""

    def changed(self, change: StateChanged) -> None:
        """A job is in another state. The end may be told more than once, and what came before it after it."""
        ...

    def lost(self, job_id: str) -> None:
        """The server does not know this job (any more)."""
        ...

    def connection(self, *, up: bool) -> None:
        """The connection was lost, or is back."""
        ...

    def failed(self, error: NbqueueError) -> None:
        """Following is not possible, and trying again will not help."""
        ...


@dataclass(frozen=True, slots=True)
class _Told:
    """A change, and the sealed result where it came with that."""

    change: StateChanged
    result: bytes | None = None


class Follow:
    """Reads the stream while somebody follows; what was missed is looked up."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        #: those of a job in the order in which they came, which is the order in which they are told
        self._followers: dict[str, dict[Follower, None]] = {}
        self._unseen: dict[str, None] = {}
        #: submitted here while the stream was read: the last change since, so that nobody has to look it up
        self._expected: dict[str, _Told | None] = {}
        #: what is being told now
        self._telling: _Told | None = None
        self._position: bytes | None = None
        self._epoch = self._warned = ""
        self._reading: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._checked_at = self._used_at = 0.0
        #: whether the connection was lost and is not back yet
        self.reconnecting = False

    def expect(self, job_id: str) -> None:
        """A job is about to be submitted from here."""
        if self._connected.is_set():
            _put(self._expected, job_id, None)

    def forget(self, job_id: str) -> None:
        """It was not submitted, or another time: who follows it has to look it up."""
        if self._expected.pop(job_id, self) is not self and job_id in self._followers:
            self._unseen[job_id] = None
            self._look_up()

    def join(self, job_ids: Iterable[str], follower: Follower, *, present: bool = True) -> None:
        """Follow jobs: first their present state, then each change.

        Without `present` the state is not asked for where every change since the submit is known anyway.
        """
        for job_id in job_ids:
            self._followers.setdefault(job_id, {})[follower] = None
            if present or job_id not in self._expected:
                self._unseen[job_id] = None
            elif (told := self._expected[job_id]) is not None:
                asyncio.get_running_loop().call_soon(self._tell, told)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        if self._connected.is_set():
            self._look_up()
        elif self.reconnecting:
            follower.connection(up=False)

    def result(self, job_id: str, fence: int) -> bytes | None:
        """The sealed result of that attempt, where it came with the end that is being told."""
        told = self._telling
        is_of = told is not None and (told.change.job_id, told.change.fence) == (job_id, fence)
        return told.result if told is not None and is_of else None

    def leave(self, job_ids: Iterable[str], follower: Follower) -> None:
        """Follow them no longer."""
        for job_id in job_ids:
            there = self._followers.get(job_id)
            if there is not None:
                there.pop(follower, None)
                if not there:
                    del self._followers[job_id]
                    self._unseen.pop(job_id, None)

    async def _read(self) -> None:
        """Read until nobody follows for a while, over any number of connections."""
        backoff = Backoff()
        try:
            if not self._wire.was_heard:
                # such a server is told of soon, one that did answer is waited for; a full disk refuses a PING
                await self._wire.ask(lambda client: client.time())
            while self._is_used():
                try:
                    await self._read_connected(backoff)
                except TROUBLE as error:
                    self._tell_connection(up=False)
                    log.debug("following lost its connection: %r", error)
                    await backoff.pause()
                except LocalStackError as error:
                    self._tell_connection(up=False)
                    self._warn(str(error))
                    await backoff.pause()
        except NbqueueError as error:
            self._fail(error)
        finally:
            self._connected.clear()
            self._position = None
            self.reconnecting = False

    async def _read_connected(self, backoff: Backoff) -> None:
        async with self._wire.dedicated("follow") as client:
            await self._begin(client)
            backoff.reset()
            self._warned = ""
            self._connected.set()
            self._tell_connection(up=True)
            self._look_up()
            try:
                await self._wire.clock.compare(client.time)
                while self._is_used():
                    await self._read_once(client)
                    if self._wire.clock.is_due:
                        await self._wire.clock.compare(client.time)
            finally:
                self._connected.clear()
                self._expected.clear()

    async def _begin(self, client: Any) -> None:
        """Take the position before anything is looked up; after a break, whatever is followed is looked up again."""
        epoch = await events.epoch(client, self._wire.keys, secrets.token_hex(8))
        if self._position is None or epoch != self._epoch:
            self._position = await events.newest(client, self._wire.keys)
        self._epoch = epoch
        self._checked_at = asyncio.get_running_loop().time()
        self._unseen.update(dict.fromkeys(self._followers))

    async def _read_once(self, client: Any) -> None:
        assert self._position is not None  # noqa: S101 - _begin has set it
        found = await events.read_on(client, self._wire.keys, self._position, self)
        self._position = found.position
        for change in found.changes:
            told = _Told(change, found.results.get(change))
            if change.job_id in self._expected:
                self._expected[change.job_id] = told
            self._tell(told)
        if found.gap:
            log.info("following fell behind: %d jobs are looked up", len(self._followers))
            self._look_up_all()
        await self._check_epoch(client)

    async def _check_epoch(self, client: Any) -> None:
        """Notice within a second that the store was emptied."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at < EPOCH_S:
            return
        self._checked_at = now
        epoch = await events.epoch(client, self._wire.keys, secrets.token_hex(8))
        if epoch != self._epoch:
            self._epoch = epoch
            self._look_up_all()

    def __contains__(self, job_id: object) -> bool:
        """Whether changes of a job are wanted."""
        return job_id in self._followers or job_id in self._expected

    def _warn(self, text: str) -> None:
        """Say once why the local server does not come back; whoever waits goes on waiting."""
        if text != self._warned:
            self._warned = text
            log.warning("Waiting for the local server: %s", text)

    def _is_used(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self._followers:
            self._used_at = now
        return now - self._used_at < IDLE_S

    def _look_up_all(self) -> None:
        self._expected.clear()
        self._unseen.update(dict.fromkeys(self._followers))
        self._look_up()

    def _look_up(self) -> None:
        if self._unseen and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Tell the present state of the jobs that wait for it, however long it takes to ask.

        Who joins while it is asked for waits for the next answer: this one may be of before an end that was told.
        """
        while self._unseen:
            batch = list(self._unseen)[:SNAPSHOT_JOBS]
            for job_id in batch:
                del self._unseen[job_id]
            try:
                found = await self._wire.ask(lambda client: jobs.standings(client, self._wire.keys, batch))  # noqa: B023
            except BrokerUnavailable as error:
                log.debug("looking up %d jobs has to wait: %s", len(batch), error)
                self._unseen.update((job_id, None) for job_id in batch if job_id in self._followers)
                await asyncio.sleep(1)
                continue
            self._tell_standings(found)

    def _tell_standings(self, found: Collection[jobs.Standing]) -> None:
        for standing in found:
            if standing.change is not None:
                self._tell(_Told(standing.change))
            else:
                for follower in tuple(self._followers.get(standing.job_id, ())):
                    follower.lost(standing.job_id)

    def _tell(self, told: _Told) -> None:
        self._telling = told
        for follower in tuple(self._followers.get(told.change.job_id, ())):
            follower.changed(told.change)
        self._telling = None

    def _tell_connection(self, *, up: bool) -> None:
        if self.reconnecting is up:
            self.reconnecting = not up
            for follower in self._all():
                follower.connection(up=up)

    def _fail(self, error: NbqueueError) -> None:
        for follower in self._all():
            follower.failed(error)

    def _all(self) -> set[Follower]:
        return {follower for those in self._followers.values() for follower in those}


def _put(kept: dict[str, T], job_id: str, value: T) -> None:
    """Keep a value; of many the oldest goes."""
    if len(kept) >= EXPECTED_JOBS:
        del kept[next(iter(kept))]
    kept[job_id] = value
