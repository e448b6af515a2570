"""Jobs found by what is known of them: those that live, and those that have ended by the history."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import history, queues
from nbqueue.client.link import Link
from nbqueue.errors import ConfigurationError
from nbqueue.model import moments, names
from nbqueue.model.job import JobRecord
from nbqueue.model.moments import Moment
from nbqueue.model.states import FINAL, LIVE, State


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

    def takes(self, record: JobRecord) -> bool:
        """Whether a job is one of them."""
        facts = (
            record.state in self.states,
            self.queue in ("", record.queue),
            self.function in ("", record.function),
            not self.tag or self.tag in record.tags,
            not self.error or self.error == record.error_type or self.error in record.error,
        )
        return all(facts)


def wanted(
    *, state: str | State | Collection[str | State] | None, queue: str = "", function: str = "", tag: str = "",
    error: str = "", since: Moment | None = None, limit: int,
) -> Wanted:  # fmt: skip
    """The jobs that are wanted, each word checked."""
    if queue:
        names.check_queue(queue)
    if since is not None:
        moments.milliseconds(since, "since", 0)
    if limit < 1:
        raise ConfigurationError(f"limit={limit!r} cannot be used: give a whole number from 1 up.")
    return Wanted(
        states=states_of(state), queue=queue, function=function, tag=tag, error=error, since=since, limit=limit
    )


def states_of(given: str | State | Collection[str | State] | None) -> frozenset[State]:
    """The states that were named, as one or several; all where none is."""
    if given is None:
        return frozenset(State)
    try:
        return frozenset(map(State, [given] if isinstance(given, str) else given))
    except (ValueError, TypeError):
        known = ", ".join(State)
        raise ConfigurationError(f"state={given!r} cannot be used: give one or several of {known}.") from None


async def find(link: Link, asked: Wanted) -> list[JobRecord]:
    """The records of those jobs, newest first."""
    since_ms = 0
    if asked.since is not None:
        since_ms = moments.milliseconds(asked.since, "since", await history.now_ms(link.wire.ask))
    ids = dict.fromkeys(await _live(link, asked) if set(asked.states) & LIVE else ())
    if set(asked.states) & FINAL:
        ids.update(dict.fromkeys(await _ended(link, asked, since_ms)))
    records = [record for record in await link.records(list(ids)) if record is not None and asked.takes(record)]
    recent = [record for record in records if _last_ms(record) >= since_ms]
    return sorted(recent, key=_submitted_ms, reverse=True)[: asked.limit]


async def _live(link: Link, asked: Wanted) -> list[str]:
    async def found(client: Any) -> list[str]:
        keys = link.wire.keys
        served = [asked.queue] if asked.queue else await queues.names(client, keys)
        # what is filtered out afterwards must not take the places of others
        most = asked.limit if not (asked.function or asked.tag) else 100 * asked.limit
        parts = [await queues.ids(client, keys, name, limit=most, states=asked.states) for name in served]
        return [job_id for part in parts for job_id in part]

    return await link.wire.ask(found)


async def _ended(link: Link, asked: Wanted, since_ms: int) -> list[str]:
    """Ids from the history, the newest first; of a job that was retried the last attempt counts."""
    found: dict[str, None] = {}
    async for page in history.pages_back(link.wire.ask, link.wire.keys, start=str(since_ms) if since_ms else "-"):
        for text in reversed(page.texts):
            job_id = _job_of(text, asked)
            if job_id:
                found[job_id] = None
        if len(found) >= asked.limit:
            break
    return list(found)


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
    tagged = not asked.tag or (isinstance(tags, list) and asked.tag in tags) or line.get("attempt") == 0
    return str(line.get("job", "")) if fits and tagged else ""


def _last_ms(record: JobRecord) -> float:
    last = record.finished_at or record.submitted_at
    return last.timestamp() * 1000 if last else 0.0


def _submitted_ms(record: JobRecord) -> float:
    return record.submitted_at.timestamp() if record.submitted_at else 0.0
