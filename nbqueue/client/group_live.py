"""A group followed live: how many of its jobs are in which state, since when, and until when."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from nbqueue.client import retrying
from nbqueue.client.group_failures import LISTED, Failed, Failures
from nbqueue.client.group_pace import Pace
from nbqueue.client.group_times import GroupTimes
from nbqueue.client.items import Items
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.events import StateChanged
from nbqueue.model.states import State

_NOT_STARTED = (State.QUEUED, State.SCHEDULED)


class GroupLive:
    """Counts of a group now. Read them from any thread: reading never waits. `close()` it in the end."""

    def __init__(self, job_ids: Sequence[str], items: Items | None = None, before: Collection[str] = ()) -> None:
        """Args: its jobs; what they were made of; those that ended well before its own began: no time is theirs."""
        self._lock = threading.Lock()
        self._own = [job_id for job_id in job_ids if job_id not in before]
        self._states = {**dict.fromkeys(job_ids, State.SUCCEEDED), **dict.fromkeys(self._own, State.QUEUED)}
        self._counts: Counter[State] = Counter(self._states.values())
        self._times = GroupTimes(self._own)
        self._failures, self._pace = Failures(items or Items(job_ids)), Pace()
        self._looked_at_begin = self._looked_at_end = False
        #: whether the times are known for good
        self._has_times = not self._own
        #: those that were told to have ended
        self._told: set[str] = set()
        self._link: Link | None = None
        self._closed = self._is_looking = False
        #: the job that was told to wait last
        self._waits = ""
        #: jobs in all, and those of them that had ended before its own began
        self.total, self.before = len(job_ids), len(job_ids) - len(self._own)
        #: the group of the retries of those that did not end well, once all have ended
        self.retried_by = ""
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
    def waits(self) -> str:
        """One of its jobs that is ready; empty where none is."""
        with self._lock:
            if self._states.get(self._waits) is not State.QUEUED:
                self._waits = next((job_id for job_id in self._own if self._states[job_id] is State.QUEUED), "")
            return self._waits

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
    def complete(self) -> bool:
        """Whether all have ended, and it is known when each did, and why those failed that did not end well."""
        return self._has_times and len(self._told) == len(self._own) and self._failures.known

    @property
    def failures(self) -> tuple[Failed, ...]:
        """The first of its jobs that did not end well."""
        return self._failures.listed

    @property
    def errors(self) -> Mapping[str, int]:
        """How many did not end well by which error: its class, or the state where there is none."""
        return self._failures.errors

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
            link.follow.join(self._own, self)
            self._look_up()

    def changed(self, change: StateChanged) -> None:
        """Count a job elsewhere."""
        if change.state.is_final:
            self._note_end(change.job_id, change.at)
        self._move(change.job_id, change.state)

    def lost(self, job_id: str) -> None:
        """Count it where it will be looked for: among those that did not end well."""
        self._note_end(job_id, None)
        self._move(job_id, State.CRASHED)

    def connection(self, *, up: bool) -> None:
        """Say so while the server is away; what was asked in vain is asked again."""
        self.reconnecting = not up
        self.version += 1
        if up:
            self._begin_looking()

    def failed(self, error: NbqueueError) -> None:  # noqa: ARG002 - the waiting cell tells it
        """It cannot be followed."""
        self.reconnecting = True
        self.version += 1

    def _note_end(self, job_id: str, at: datetime | None) -> None:
        """An end counts once, however often it is told; of a job that is lost nobody knows when it came."""
        if job_id in self._told:
            return
        self._told.add(job_id)
        self.version += 1
        if at is not None:
            self._times.ended(at)
            with self._lock:
                self._pace.ended(at)

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
        begun = sum(count for state, count in self.counts.items() if state not in _NOT_STARTED)
        if self._link is None or begun <= self.before:
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
        """Look up what went wrong."""
        if self._failures.ended(job_id, state):
            self._begin_looking()

    def _begin_looking(self) -> None:
        if self._link is not None and not self._is_looking:
            self._is_looking = True
            self._link.keep(self._look_at_failures(self._link))

    async def _look_at_failures(self, link: Link) -> None:
        """One look at a time, which goes on with what comes meanwhile."""
        try:
            await self._failures.look(link)
        finally:
            self._is_looking = False
            self.version += 1

    async def _look(self, link: Link, *, all_ended: bool) -> None:
        await self._times.look(link, all_ended=all_ended)
        if all_ended:
            self.retried_by = await _retried_by(link, self._states)
        self._has_times = self._has_times or all_ended
        self.version += 1

    def _leave(self) -> None:
        if self._link is not None:
            self._link.follow.leave(tuple(self._own), self)


async def _retried_by(link: Link, states: Mapping[str, State]) -> str:
    """The group of the retries of what did not end well, by the first of these; empty where one was not retried."""
    bad = [job_id for job_id, state in states.items() if state is not State.SUCCEEDED][:LISTED]
    try:
        found = await retrying.newest_of(link, bad)
    except NbqueueError:
        return ""  # the card does not tell then
    last = [found[job_id] for job_id in bad if job_id in found and found[job_id].id != job_id]
    if not last or len(last) < len(bad) or not all(record.group for record in last):
        return ""
    return max(last, key=lambda record: record.submitted_at or datetime.min.replace(tzinfo=UTC)).group
