"""The jobs of a group that did not end well: how many by which error, and the first of them, with why."""

from __future__ import annotations

import contextlib
from bisect import insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from nbqueue.broker import jobs
from nbqueue.client.items import Items
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import BrokerUnavailable
from nbqueue.model.job import GONE, JobRecord
from nbqueue.model.states import UNWANTED, State

#: as many are looked up whole, those of the first items
LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A job of a group that did not end well."""

    record: JobRecord
    #: `group[place]` is its handle
    place: int
    #: what it was called with, in few characters; empty where that is not known here
    called_with: str = ""


class Failures:
    """Looks up why, as ends come."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._states: dict[str, State] = {}
        #: those whose error is not counted yet
        self._new: dict[str, None] = {}
        #: of the first: place, id
        self._first: list[tuple[int, str]] = []
        self._records: dict[str, JobRecord] = {}
        self._counts: Counter[str] = Counter()
        #: class of the error -> jobs, most first; where there is none, the state that they ended in
        self.errors: Mapping[str, int] = {}
        #: the first of them that are known, in the order of the items
        self.listed: tuple[Failed, ...] = ()

    @property
    def known(self) -> bool:
        """Whether all that have ended were looked up."""
        return not (self._new or self._missing())

    def ended(self, job_id: str, state: State) -> bool:
        """Note an end; whether there is now one more to be looked up."""
        if state not in UNWANTED or job_id in self._states:
            return False
        self._states[job_id] = state
        self._new[job_id] = None
        insort(self._first, (self._items.place(job_id), job_id))
        del self._first[LISTED:]
        return True

    async def look(self, link: Link) -> None:
        """Look up those that are not known yet, until none is left. Nobody else may look meanwhile."""
        with contextlib.suppress(BrokerUnavailable):  # once the server is back
            while not self.known:
                await self._count(link)
                await self._list(link)

    async def _count(self, link: Link) -> None:
        ids = list(self._new)[:CHUNK_JOBS]
        if not ids:
            return
        wire = link.wire
        found = await wire.ask(lambda client: jobs.error_types(client, wire.keys, ids))
        for job_id, error in zip(ids, found, strict=True):
            self._counts[GONE if error is None else error or str(self._states[job_id])] += 1
            del self._new[job_id]
        self.errors = dict(self._counts.most_common())

    async def _list(self, link: Link) -> None:
        ids = self._missing()
        for job_id, record in zip(ids, await link.records(ids), strict=True):
            self._records[job_id] = record or JobRecord(id=job_id, state=State.CRASHED, error_type=GONE)
        self.listed = tuple(
            Failed(record=self._records[job_id], place=place, called_with=self._items.words(place))
            for place, job_id in self._first
            if job_id in self._records
        )

    def _missing(self) -> list[str]:
        return [job_id for _, job_id in tuple(self._first) if job_id not in self._records]
