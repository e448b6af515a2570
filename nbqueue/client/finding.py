"""Jobs found by what is known of them: those that live, and those that have ended by the history."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbqueue.broker import history, queues
from nbqueue.client import arguments
from nbqueue.client.arguments import Predicate
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import ConfigurationError
from nbqueue.model import durations, moments, names
from nbqueue.model.durations import Duration
from nbqueue.model.job import JobRecord
from nbqueue.model.moments import Moment
from nbqueue.model.states import FINAL, LIVE, State

#: live jobs of a queue that are looked through at most, where some are left out
MOST_LIVE = 200_000
#: a line may be written a little after the end that it tells of
LATE_MS = 1000
#: what a line says of an attempt that another one followed
_REPEATED = (State.QUEUED, State.SCHEDULED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs; what is empty decides nothing."""

    states: Collection[State] = frozenset(State)
    queue: str = ""
    #: qualified name of the function
    function: str = ""
    tag: str = ""
    #: class name of the error, or a part of its first line; or what "Type: first line" has to match
    error: str | re.Pattern[str] = ""
    #: submitted or ended since then, and before then
    since: Moment | None = None
    until: Moment | None = None
    #: ran longer than so many seconds in its last attempt, or so far
    slower_than_s: float | None = None
    #: what is asked of the arguments
    args: Predicate | None = None
    #: the newest so many
    limit: int = 1000
    #: those too that were retried
    retried: bool = True

    @property
    def live(self) -> frozenset[State]:
        """The states of jobs that have not ended which it may be true of."""
        ran = {State.RUNNING} if self.slower_than_s is not None else LIVE
        return frozenset(self.states) & LIVE & ran

    @property
    def takes_any_live(self) -> bool:
        """Whether each job that has not ended is one of them, in its queue."""
        narrowed = (self.function, self.tag, self.error, self.args)
        return self.live == LIVE and not any(narrowed) and self.since is None and self.until is None

    def takes(self, record: JobRecord, now: datetime) -> bool:
        """Whether a job is one of them, as far as its record says."""
        facts = (
            record.state in self.states,
            self.queue in ("", record.queue),
            self.function in ("", record.function),
            not self.tag or self.tag in record.tags,
            self.retried or not record.retried_by,
            self.fits_error(record.error_type, record.error),
            self.slower_than_s is None or _ran_s(record, now) > self.slower_than_s,
        )
        return all(facts)

    def fits_error(self, error_type: str, error: str) -> bool:
        """Whether an error is the one that is looked for."""
        if isinstance(self.error, str):
            return not self.error or self.error == error_type or self.error in error
        told = f"{error_type}: {error}" if error else error_type
        return bool(told) and self.error.search(told) is not None


def wanted(
    *, state: str | State | Collection[str | State] | None, queue: str = "", function: str = "", tag: str = "",
    error: str | re.Pattern[str] = "", since: Moment | None = None, until: Moment | None = None,
    slower_than: Duration | None = None, args: Predicate | None = None, limit: int,
    retried: bool = True,
) -> Wanted:  # fmt: skip
    """The jobs that are wanted, each word checked."""
    for what, moment in (("since", since), ("until", until)):
        if moment is not None:
            moments.milliseconds(moment, what, 0)
    names.check_limit(limit)
    return Wanted(
        states=states_of(state),
        queue=queue,
        function=function,
        tag=tag,
        error=error,
        since=since,
        until=until,
        slower_than_s=None if slower_than is None else durations.seconds(slower_than, "slower_than"),
        args=args,
        limit=limit,
        retried=retried,
    )


def states_of(given: str | State | Collection[str | State] | None) -> frozenset[State]:
    """The states that were named, as one or several; all where none is."""
    if given is None:
        return frozenset(State)
    try:
        found = frozenset(map(State, [given] if isinstance(given, str) else given))
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"state={names.shown(given)} cannot be used: give one or several of {', '.join(State)}."
        ) from None
    if not found:
        raise ConfigurationError(f"state={names.shown(given)} names no state: leave it out, or give one or several.")
    return found


@dataclass(frozen=True, slots=True)
class Hits:
    """The jobs of a search."""

    #: newest first
    records: list[JobRecord]
    #: how many others may be meant too, but their arguments cannot be had
    unread: int = 0


async def find(link: Link, asked: Wanted) -> list[JobRecord]:
    """The records of those jobs, newest first."""
    return (await search(link, asked)).records


async def search(link: Link, asked: Wanted) -> Hits:
    """The same, and what could not be looked into."""
    now_ms = await history.now_ms(link.wire.ask)
    since_ms = 0 if asked.since is None else moments.milliseconds(asked.since, "since", now_ms)
    until_ms = None if asked.until is None else moments.milliseconds(asked.until, "until", now_ms)
    running = _Search(link, asked, now_ms, since_ms, until_ms)
    if asked.live:
        await running.take(await _live(link, asked))
    if set(asked.states) & FINAL:
        await running.take_ended()
    return Hits(sorted(running.found.values(), key=_submitted_ms, reverse=True)[: asked.limit], running.unread)


@dataclass(slots=True)
class _Search:
    """One search under way."""

    link: Link
    asked: Wanted
    now_ms: int
    since_ms: int
    until_ms: int | None
    found: dict[str, JobRecord] = field(default_factory=dict)
    unread: int = 0

    async def take(self, ids: Sequence[str]) -> int:
        """Add the jobs that are wanted of some; how many were, and no more than are asked for."""
        taken = 0
        for start in range(0, len(ids), CHUNK_JOBS):
            fit = await self._fitting(ids[start : start + CHUNK_JOBS])
            taken += sum(record.id not in self.found for record in fit)
            self.found |= {record.id: record for record in fit}
            if taken >= self.asked.limit:
                break
        return taken

    async def take_ended(self) -> None:
        """Add those of the history, the newest first; of a job that was retried the last attempt counts."""
        seen: set[str] = set()
        taken = 0
        start = str(self.since_ms) if self.since_ms else "-"
        end = "+" if self.until_ms is None else str(self.until_ms + LATE_MS)
        wire, queue = self.link.wire, self.asked.queue
        async for page in history.pages_back(wire.ask, wire.keys, start=start, end=end, queue=queue):
            ids = self._ids(page, seen)
            taken += await self.take(ids)
            if taken >= self.asked.limit:
                break

    def _ids(self, page: history.Page, seen: set[str]) -> list[str]:
        """The jobs of a page whose records are worth a look, as far as its lines say."""
        found = []
        for entry, text in zip(reversed(page.ids), reversed(page.texts), strict=True):
            line = _line(text)
            job_id = str(line.get("job", ""))
            if not job_id or job_id in seen or not self._may_fit(line, int(entry.partition(b"-")[0])):
                continue
            seen.add(job_id)
            if self.asked.args is not None and line["state"] == State.SUCCEEDED:
                self.unread += 1  # with its success its submission was dropped
            else:
                found.append(job_id)
        return found

    async def _fitting(self, ids: Sequence[str]) -> list[JobRecord]:
        now = datetime.fromtimestamp(self.now_ms / 1000, tz=UTC)
        until_ms = float("inf") if self.until_ms is None else self.until_ms
        fit = [
            record
            for record in await self.link.records(ids)
            if record is not None and self.asked.takes(record, now) and self.since_ms <= _last_ms(record) <= until_ms
        ]
        if self.asked.args is None or not fit:
            return fit
        fit, unread = await arguments.fitting(self.link, fit, self.asked.args)
        self.unread += unread
        return fit

    def _may_fit(self, line: Mapping[str, Any], ended_ms: int) -> bool:
        """Whether the job of a line may be wanted; its record decides."""
        asked = self.asked
        state = line.get("state")
        # what succeeded at last may have failed before, and its record says so
        before = asked.error and state in _REPEATED and State.SUCCEEDED in asked.states
        if not (state in FINAL and state in asked.states) and not before:
            return False
        fits = asked.queue in ("", line.get("queue")) and asked.function in ("", line.get("function"))
        tags = line.get("tags")
        tagged = not asked.tag or (isinstance(tags, list) and asked.tag in tags)
        return fits and tagged and self._has_error(line) and self._is_slow(line, ended_ms)

    def _has_error(self, line: Mapping[str, Any]) -> bool:
        if "error" not in line and line.get("state") != State.SUCCEEDED:
            return True  # a script wrote it, which leaves the error to the record
        return self.asked.fits_error(str(line.get("error_type") or ""), str(line.get("error") or ""))

    def _is_slow(self, line: Mapping[str, Any], ended_ms: int) -> bool:
        started = line.get("started")
        ran_s = (ended_ms - started) / 1000 if isinstance(started, int | float) and started else -1.0
        return self.asked.slower_than_s is None or ran_s > self.asked.slower_than_s


async def _live(link: Link, asked: Wanted) -> list[str]:
    async def found(client: Any) -> list[str]:
        keys = link.wire.keys
        served = [asked.queue] if asked.queue else await queues.names(client, keys)
        # what is filtered out afterwards must not take the places of others
        most = asked.limit if asked.takes_any_live else max(asked.limit, MOST_LIVE)
        parts = [await queues.ids(client, keys, name, limit=most, states=asked.live) for name in served]
        return [job_id for part in parts for job_id in part]

    return await link.wire.ask(found)


def _line(text: bytes) -> Mapping[str, Any]:
    """A line of the history; empty where it is none."""
    try:
        found = json.loads(text.decode(errors="replace"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ran_s(record: JobRecord, now: datetime) -> float:
    """Seconds of the last attempt, or of the one that runs; less than none of one that waits, or never ran."""
    if record.started_at is None or not (record.state.is_final or record.state is State.RUNNING):
        return -1.0
    return ((record.finished_at or now) - record.started_at).total_seconds()


def _last_ms(record: JobRecord) -> float:
    last = record.finished_at or record.submitted_at
    return last.timestamp() * 1000 if last else 0.0


def _submitted_ms(record: JobRecord) -> float:
    return record.submitted_at.timestamp() if record.submitted_at else 0.0
