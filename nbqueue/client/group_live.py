"""A group followed live: how many of its jobs are in which state, since when, and until when."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from nbqueue.client.group_failures import Failures
from nbqueue.client.group_pace import Pace
from nbqueue.client.group_times import GroupTimes
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.events import StateChanged
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State

_NOT_STARTED = (State.QUEUED, State.SCHEDULED)


class GroupLive:
    """Counts of a group now. Read them from any thread: reading never waits. `close()` it in the end."""

    def __init__(self, job_ids: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._states = dict.fromkeys(job_ids, State.QUEUED)
        self._counts: Counter[State] = Counter({State.QUEUED: len(job_ids)})
        self._times = GroupTimes(job_ids)
        self._failures, self._pace = Failures(), Pace()
        self._looked_at_begin = self._looked_at_end = False
        self._link: Link | None = None
        self._closed = False
        #: jobs in all
        self.total = len(job_ids)
        #: whether all have ended, and it is known when
        self.complete = not job_ids
        #: whether the server cannot be reached at the moment
        self.reconnecting = False
        #: grows with each change
        self.version = 0

    @property
    def began_at(self) -> datetime | None:
        """When its first job started, on the server's clock."""
        return self._times.began_at

    @property
    def last_end_at(self) -> datetime | None:
        """When the last of those that have ended did."""
        return self._times.last_end_at

    @property
    def counts(self) -> Mapping[State, int]:
        """State -> number of its jobs."""
        with self._lock:
            return {state: count for state, count in self._counts.items() if count}

    @property
    def now(self) -> datetime:
        """The server's time, as well as it is known."""
        return datetime.now(UTC) if self._link is None else self._link.now()

    @property
    def ended(self) -> bool:
        """Whether all its jobs have ended."""
        with self._lock:
            return self._all_ended()

    @property
    def failures(self) -> tuple[JobRecord, ...]:
        """The first of its jobs that did not end well."""
        return self._failures.records

    def rates(self, now: datetime) -> tuple[float, ...]:
        """Ends a second, in stretches of time from the first end until now."""
        with self._lock:
            return self._pace.rates(now)

    def close(self) -> None:
        """Follow it no longer; what is known stays readable."""
        self._closed = True
        if self._link is not None:
            self._link.soon(self._leave)

    def know(self, states: Mapping[str, State]) -> None:
        """Take the ends that somebody has in hand already; from any thread."""
        for job_id, state in states.items():
            self._count(job_id, state)
        if self._link is not None:
            self._link.soon(self._know_all, dict(states))

    async def begin(self, link: Link) -> None:
        """Begin to follow."""
        if not self._closed:
            self._link = link
            link.follow.join(self._states, self)
            self._look_up()

    def changed(self, change: StateChanged) -> None:
        """Count a job elsewhere."""
        if change.state.is_final:
            self._times.ended(change.at)
            with self._lock:
                self._pace.ended(change.at)
        self._move(change.job_id, change.state)

    def lost(self, job_id: str) -> None:
        """Count it where it will be looked for: among those that did not end well."""
        self._move(job_id, State.CRASHED)

    def connection(self, *, up: bool) -> None:
        """Say so while the server is away."""
        self.reconnecting = not up
        self.version += 1

    def failed(self, error: NbqueueError) -> None:  # noqa: ARG002 - the waiting cell tells it
        """It cannot be followed."""
        self.reconnecting = True
        self.version += 1

    def _move(self, job_id: str, state: State) -> None:
        self._count(job_id, state)
        self._look_up()
        self._look_at(job_id, state)
        if state.is_final and self._link is not None:
            self._link.follow.leave((job_id,), self)

    def _count(self, job_id: str, state: State) -> None:
        with self._lock:
            before = self._states[job_id]
            if not before.is_final and before is not state:
                self._states[job_id] = state
                self._counts[state] += 1
                self._counts[before] -= 1
                # once all have ended, nothing is missed while the server is away
                self.reconnecting = self.reconnecting and not self._all_ended()
                self.version += 1

    def _all_ended(self) -> bool:
        return all(state.is_final for state in +self._counts)

    def _look_up(self) -> None:
        """Look up the times once when the first job has started, and once when all have ended."""
        if self._link is None or all(state in _NOT_STARTED for state in self.counts):
            return
        all_ended = self.ended
        if self._looked_at_end or (self._looked_at_begin and not all_ended):
            return
        self._looked_at_begin, self._looked_at_end = True, all_ended
        self._link.keep(self._look(self._link, all_ended=all_ended))

    def _know_all(self, states: Mapping[str, State]) -> None:
        self._look_up()
        for job_id, state in states.items():
            self._look_at(job_id, state)

    def _look_at(self, job_id: str, state: State) -> None:
        """Look up what went wrong, where it is one of the first."""
        if self._failures.ended(job_id, state) and self._link is not None:
            self._link.keep(self._look_at_failures(self._link))

    async def _look_at_failures(self, link: Link) -> None:
        await self._failures.look(link)
        self.version += 1

    async def _look(self, link: Link, *, all_ended: bool) -> None:
        await self._times.look(link, all_ended=all_ended)
        self.complete = self.complete or all_ended
        self.version += 1

    def _leave(self) -> None:
        if self._link is not None:
            self._link.follow.leave(tuple(self._states), self)
