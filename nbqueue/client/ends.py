"""Brings the ends of jobs: follows them until they are final, then fetches many results in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbqueue.broker import jobs
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.client.ended import Ended, opened, without_result
from nbqueue.client.follow import Follow
from nbqueue.client.wire import Wire
from nbqueue.errors import BrokerUnavailable, NbqueueError
from nbqueue.model.events import StateChanged
from nbqueue.model.job import JobRecord

log = logging.getLogger("nbqueue")

#: results fetched in one round trip
FETCH_JOBS = 200
#: seconds a fetch is given on top of the usual, the first time and when it took too long: results may be large
EXTRA_S = (0.0, 20.0, 80.0, 320.0)

Deliver = Callable[[Ended], None]


class Watch(Protocol):
    """Somebody's wait for the ends of jobs."""

    def stop(self) -> None:
        """Hear no more."""
        ...


class Watching(Protocol):
    """Brings the ends of jobs; runs on one loop."""

    async def end_of(self, job_id: str) -> Ended:
        """The end of one job, however long it takes."""
        ...

    def watch(self, job_ids: Sequence[str], deliver: Deliver) -> Watch:
        """Deliver the end of each job once, as it comes."""
        ...


@dataclass(frozen=True, slots=True)
class _Due:
    """A job that has ended and whose result is to be fetched."""

    job_id: str
    fence: int
    watch: EndWatch


class Ends:
    """The ends that somebody waits for; runs on the portal's loop."""

    def __init__(self, wire: Wire, follow: Follow) -> None:
        self._wire = wire
        self._follow = follow
        self._due: deque[_Due] = deque()
        self._fetching: asyncio.Task[None] | None = None

    async def end_of(self, job_id: str) -> Ended:
        """The end of one job, however long it takes."""
        return await end_of(self, job_id)

    def watch(self, job_ids: Sequence[str], deliver: Deliver) -> EndWatch:
        """Deliver the end of each job once, as it comes; `stop()` the watch to hear no more."""
        watch = EndWatch(self, self._follow, job_ids, deliver)
        self._follow.join(job_ids, watch, present=False)
        return watch

    def fetch(self, job_id: str, fence: int, watch: EndWatch) -> None:
        """Fetch the result of a job that has ended, together with others, where it did not come with the end."""
        told = self._follow.result(job_id, fence)
        if told is not None:
            ended = opened(self._wire.keyring, self._wire.keys.namespace, job_id, fence, told)
            if ended.problem is None:
                watch.deliver(ended)
                return
        self._due.append(_Due(job_id, fence, watch))
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_all())

    async def _fetch_all(self) -> None:
        slow = 0
        while self._due:
            batch = [self._due.popleft() for _ in range(min(len(self._due), FETCH_JOBS))]
            try:
                wanted = [(due.job_id, due.fence) for due in batch]
                found = await fetch_ends(self._wire, wanted, EXTRA_S[slow])
                slow = 0
            except BrokerUnavailable:
                self._due.extendleft(reversed(batch))
                slow = min(slow + 1, len(EXTRA_S) - 1)
                await asyncio.sleep(1)
                continue
            except NbqueueError as error:
                found = [Ended(job_id=due.job_id, problem=error) for due in batch]
            for due, ended in zip(batch, found, strict=True):
                if ended.is_over:
                    due.watch.deliver(ended)
                else:
                    log.warning("Job %s was said to have ended and has not; it is followed on.", ascii(due.job_id))
                    due.watch.follow_on(due.job_id)


async def end_of(ends: Watching, job_id: str) -> Ended:
    """The end of one job, however long it takes."""
    future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def deliver(ended: Ended) -> None:
        if not future.done():
            future.set_result(ended)

    watch = ends.watch([job_id], deliver)
    try:
        return await future
    finally:
        watch.stop()


async def fetch_ends(wire: Wire, wanted: Sequence[tuple[str, int]], extra_s: float) -> list[Ended]:
    """The ends of jobs that have ended, given with the numbers of their last claims.

    Where there is no result (any more) the job's record says how it ended.
    """
    ids = [job_id for job_id, _ in wanted]
    blobs = await wire.ask(lambda client: jobs.results(client, wire.keys, ids), extra_s=extra_s)
    gone = [job_id for job_id, blob in zip(ids, blobs, strict=True) if blob is None]
    records: dict[str, JobRecord | None] = {}
    if gone:
        found = await wire.ask(lambda client: jobs.records(client, wire.keys, gone))
        records = dict(zip(gone, found, strict=True))
    return [
        without_result(job_id, records.get(job_id)) if blob is None else await _opened(wire, job_id, fence, blob)
        for (job_id, fence), blob in zip(wanted, blobs, strict=True)
    ]


async def _opened(wire: Wire, job_id: str, fence: int, blob: bytes) -> Ended:
    """The end that a result tells of; a large one is verified in another thread."""
    about = (wire.keyring, wire.keys.namespace, job_id, fence, blob)
    return await asyncio.to_thread(opened, *about) if len(blob) > LARGE_BYTES else opened(*about)


class EndWatch:
    """A follower that asks for the result of each job once it has ended."""

    def __init__(self, ends: Ends, follow: Follow, job_ids: Sequence[str], deliver: Deliver) -> None:
        self._ends = ends
        self._follow = follow
        self._open = set(job_ids)
        self._stopped = False
        #: takes each end
        self.deliver = deliver

    def follow_on(self, job_id: str) -> None:
        """Wait for an end again that was told by mistake."""
        if not self._stopped:
            self._open.add(job_id)
            self._follow.join([job_id], self)

    def stop(self) -> None:
        """Hear no more."""
        self._stopped = True
        self._follow.leave(self._open, self)
        self._open = set()

    def changed(self, change: StateChanged) -> None:
        """Fetch the result of what has ended."""
        if change.state.is_final and self._take(change.job_id):
            self._ends.fetch(change.job_id, change.fence, self)

    def lost(self, job_id: str) -> None:
        """Say that it is gone."""
        if self._take(job_id):
            self.deliver(Ended(job_id=job_id))

    def connection(self, *, up: bool) -> None:
        """Waiting goes on."""

    def failed(self, error: NbqueueError) -> None:
        """Say it of every job that is still open."""
        for job_id in tuple(self._open):
            if self._take(job_id):
                self.deliver(Ended(job_id=job_id, problem=error))

    def _take(self, job_id: str) -> bool:
        """Whether the end of this job was not told yet; from now on it was."""
        if job_id not in self._open:
            return False
        self._open.discard(job_id)
        self._follow.leave((job_id,), self)
        return True
