"""The ends of jobs that a job waits for: its worker says which have ended, and hands over the verified results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from nbqueue.client.ended import Ended
from nbqueue.client.ends import Deliver, end_of
from nbqueue.client.told import end_of as read_end
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import BrokerUnavailable, NbqueueError
from nbqueue.model.names import check_job_id

#: ends asked for at once
FETCH_JOBS = 100
#: seconds before they are asked for again where the server is away
AGAIN_S = 1.0


class Asks(Protocol):
    """Asks the worker."""

    async def ask(self, what: str, fields: Mapping[str, Any]) -> tuple[Any, bytes]:
        """Its answer."""
        ...

    def keep(self, coroutine: Any) -> None:
        """Run something in the background."""
        ...


class InnerEnds:
    """The ends that somebody in this job waits for."""

    def __init__(self, link: Asks) -> None:
        self._link = link
        self._watches: dict[str, set[InnerWatch]] = {}
        #: have ended and are to be fetched: job id -> the number of its last claim
        self._due: dict[str, int] = {}
        self._fetching = False

    async def end_of(self, job_id: str) -> Ended:
        """The end of one job, however long it takes."""
        return await end_of(self, job_id)

    def watch(self, job_ids: Sequence[str], deliver: Deliver) -> InnerWatch:
        """Deliver the end of each job once, as it comes; `stop()` the watch to hear no more."""
        watch = InnerWatch(self, job_ids, deliver)
        for job_id in job_ids:
            self._watches.setdefault(job_id, set()).add(watch)
        self._link.keep(self._follow(job_ids))
        return watch

    def leave(self, job_ids: Iterable[str], watch: InnerWatch) -> None:
        """A watch wants to hear no more of these."""
        nobody = []
        for job_id in job_ids:
            watches = self._watches.get(job_id, set())
            watches.discard(watch)
            if not watches and self._watches.pop(job_id, None) is not None:
                nobody.append(job_id)
        if nobody:
            self._link.keep(self._unfollow(nobody))

    def ended(self, jobs: Sequence[tuple[str, int]]) -> None:
        """The worker says that these have ended."""
        self._due.update((job_id, fence) for job_id, fence in jobs if job_id in self._watches)
        if self._due and not self._fetching:
            self._fetching = True
            self._link.keep(self._fetch())

    async def _follow(self, job_ids: Sequence[str]) -> None:
        for start in range(0, len(job_ids), CHUNK_JOBS):
            chunk = job_ids[start : start + CHUNK_JOBS]
            try:
                for job_id in chunk:
                    check_job_id(job_id)
                await self._link.ask("follow", {"jobs": list(dict.fromkeys(chunk))})
            except NbqueueError as error:
                for job_id in chunk:
                    self._deliver(Ended(job_id=job_id, problem=error))

    async def _unfollow(self, job_ids: Sequence[str]) -> None:
        try:
            for start in range(0, len(job_ids), CHUNK_JOBS):
                await self._link.ask("leave", {"jobs": list(job_ids[start : start + CHUNK_JOBS])})
        except NbqueueError:
            return  # the job has ended, and with it all that it followed

    async def _fetch(self) -> None:
        """Ask for the ends that are due, some at a time; an answer may hold fewer than were asked for."""
        try:
            while self._due:
                found = await self._ends(list(islice(self._due.items(), FETCH_JOBS)))
                for ended in found:
                    self._due.pop(ended.job_id, None)
                    if ended.is_over:
                        self._deliver(ended)
                    else:
                        self._link.keep(self._follow([ended.job_id]))
        finally:
            self._fetching = False

    async def _ends(self, asked: Sequence[tuple[str, int]]) -> list[Ended]:
        try:
            told, payload = await self._link.ask("ends", {"due": [list(each) for each in asked]})
        except BrokerUnavailable:
            await asyncio.sleep(AGAIN_S)
            return []
        except NbqueueError as error:
            return [Ended(job_id=job_id, problem=error) for job_id, _ in asked]
        found: list[Ended] = []
        start = 0
        for fields, size in zip(told["ends"], told["sizes"], strict=True):
            found.append(read_end(fields, payload[start : start + size]))
            start += size
        return found

    def _deliver(self, ended: Ended) -> None:
        for watch in self._watches.pop(ended.job_id, ()):
            watch.take(ended)


class InnerWatch:
    """Somebody's wait for the ends of jobs."""

    def __init__(self, ends: InnerEnds, job_ids: Sequence[str], deliver: Deliver) -> None:
        self._ends = ends
        self._open = set(job_ids)
        self._deliver = deliver

    def take(self, ended: Ended) -> None:
        """One has ended."""
        if ended.job_id in self._open:
            self._open.discard(ended.job_id)
            self._deliver(ended)

    def stop(self) -> None:
        """Hear no more."""
        left, self._open = self._open, set()
        self._ends.leave(left, self)
