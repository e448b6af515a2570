"""Jobs found by what is known of them: those that live, and those that have ended by the history."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import history, queues
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import ConfigurationError
from nbqueue.model import moments, names
from nbqueue.model.job import JobRecord
from nbqueue.model.moments import Moment
from nbqueue.model.states import FINAL, LIVE, State

#: live jobs of a queue that are looked through at most, where some are left out
MOST_LIVE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs; what is empty decides nothing."""

    states: Collection[State] = frozenset(State)
    queue: str = ""
    #: qualified name of the function
    function: str = ""
    tag: str = ""
    #: class name of the error, or a part of its first line
    error: str = ""
    #: submitted or ended since then
    since: Moment | None = None
    #: the newest so many
    limit: int = 1000
    #: those too that were retried
    retried: bool = True

    @property
    def takes_any_live(self) -> bool:
        """Whether each job that has not ended is one of them, in its queue."""
        return set(self.states) >= LIVE and not (self.function or self.tag or self.error or self.since is not None)

    def takes(self, record: JobRecord) -> bool:
        """Whether a job is one of them."""
        facts = (
            record.state in self.states,
            self.queue in ("", record.queue),
            self.function in ("", record.function),
            not self.tag or self.tag in record.tags,
            self.retried or not record.retried_by,
            not self.error or self.error == record.error_type or self.error in record.error,
        )
        return all(facts)


def wanted(
    *, state: str | State | Collection[str | State] | None, queue: str = "", function: str = "", tag: str = "",
    error: str = "", since: Moment | None = None, limit: int, retried: bool = True,
) -> Wanted:  # fmt: skip
    """The jobs that are wanted, each word checked."""
    if since is not None:
        moments.milliseconds(since, "since", 0)
    names.check_limit(limit)
    return Wanted(
        states=states_of(state),
        queue=queue,
        function=function,
        tag=tag,
        error=error,
        since=since,
        limit=limit,
        retried=retried,
    )


def states_of(given: str | State | Collection[str | State] | None) -> frozenset[State]:
    """The states that were named, as one or several; all where none is."""
    if given is None:
        return frozenset(State)
    try:
        return frozenset(map(State, [given] if isinstance(given, str) else given))
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"state={names.shown(given)} cannot be used: give one or several of {', '.join(State)}."
        ) from None


async def find(link: Link, asked: Wanted) -> list[JobRecord]:
    """The records of those jobs, newest first."""
    since_ms = 0
    if asked.since is not None:
        since_ms = moments.milliseconds(asked.since, "since", await history.now_ms(link.wire.ask))
    found: dict[str, JobRecord] = {}
    if set(asked.states) & LIVE:
        await _take(link, asked, since_ms, await _live(link, asked), found)
    if set(asked.states) & FINAL:
        await _take_ended(link, asked, since_ms, found)
    return sorted(found.values(), key=_submitted_ms, reverse=True)[: asked.limit]


async def _take(link: Link, asked: Wanted, since_ms: int, ids: Sequence[str], found: dict[str, JobRecord]) -> int:
    """Add the jobs that are wanted of some; how many were, and no more than are asked for."""
    taken = 0
    for start in range(0, len(ids), CHUNK_JOBS):
        for record in await link.records(ids[start : start + CHUNK_JOBS]):
            if record is not None and asked.takes(record) and _last_ms(record) >= since_ms:
                taken += record.id not in found
                found[record.id] = record
        if taken >= asked.limit:
            break
    return taken


async def _live(link: Link, asked: Wanted) -> list[str]:
    async def found(client: Any) -> list[str]:
        keys = link.wire.keys
        served = [asked.queue] if asked.queue else await queues.names(client, keys)
        # what is filtered out afterwards must not take the places of others
        most = asked.limit if asked.takes_any_live else max(asked.limit, MOST_LIVE)
        parts = [await queues.ids(client, keys, name, limit=most, states=asked.states) for name in served]
        return [job_id for part in parts for job_id in part]

    return await link.wire.ask(found)


async def _take_ended(link: Link, asked: Wanted, since_ms: int, found: dict[str, JobRecord]) -> None:
    """Add those of the history, the newest first; of a job that was retried the last attempt counts."""
    seen: set[str] = set()
    taken = 0
    async for page in history.pages_back(link.wire.ask, link.wire.keys, start=str(since_ms) if since_ms else "-"):
        ids = dict.fromkeys(job_id for text in reversed(page.texts) if (job_id := _job_of(text, asked)))
        taken += await _take(link, asked, since_ms, [job_id for job_id in ids if job_id not in seen], found)
        if taken >= asked.limit:
            break
        seen |= ids.keys()


def _job_of(text: bytes, asked: Wanted) -> str:
    """The id in a line of the history that may be of a job that is wanted; else nothing."""
    try:
        line = json.loads(text.decode(errors="replace"))
    except ValueError:
        return ""
    if not isinstance(line, dict) or line.get("state") not in {str(state) for state in asked.states}:
        return ""
    fits = asked.queue in ("", line.get("queue")) and asked.function in ("", line.get("function"))
    tags = line.get("tags")
    tagged = not asked.tag or (isinstance(tags, list) and asked.tag in tags)
    return str(line.get("job", "")) if fits and tagged and _has_error(line, asked.error) else ""


def _has_error(line: Mapping[str, Any], error: str) -> bool:
    """Whether an attempt may have ended with that error; the record of its job decides."""
    return not error or error == line.get("error_type") or error in str(line.get("error", error))


def _last_ms(record: JobRecord) -> float:
    last = record.finished_at or record.submitted_at
    return last.timestamp() * 1000 if last else 0.0


def _submitted_ms(record: JobRecord) -> float:
    return record.submitted_at.timestamp() if record.submitted_at else 0.0
