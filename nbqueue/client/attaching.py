"""What `attach()` finds: all jobs that live, the last that have ended, and of each group that lives all of its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbqueue.broker import groups, jobs, owners, queues
from nbqueue.broker.jobs import Origin
from nbqueue.broker.owners import GROUP
from nbqueue.client import finding
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import JobLost, NotInJob
from nbqueue.model.job import JobRecord
from nbqueue.model.states import LIVE, State

#: of jobs that have ended at most so many are looked up, and of all that live everywhere as many by queue
MOST = 1000
#: jobs whose state is asked for at once
STATES = 1000
#: jobs and groups of an origin that are looked into at once
LOOKED_INTO = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Jobs that were looked up."""

    #: newest first
    records: Sequence[JobRecord]
    #: of groups of which some live: the ids of all jobs that the server knows, in the order of their submit
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: of these, groups that the server does not count: jobs of others stand for some of theirs
    uncounted: Collection[str] = ()
    #: how many others live
    more: int = 0
    #: whether there are others besides
    is_cut: bool = False
    #: how many more may be meant, but their arguments, which were asked about, cannot be had
    unread: int = 0


@dataclass(frozen=True, slots=True)
class _Owned:
    """The jobs of an origin as far as they have to be known by their ids."""

    #: jobs and groups, newest first
    names: Sequence[str]
    #: jobs of groups of which some may live, in the order of their submit; of others the last are asked for
    members: Mapping[str, Sequence[str]]
    #: of those jobs, and of those of no group
    states: Mapping[str, State | None]

    @property
    def live(self) -> list[str]:
        """All that live."""
        return [job_id for job_id, state in self.states.items() if state in LIVE]


async def all_of(link: Link, origin: Origin, newest: int) -> Found:
    """All jobs of an origin that live, and the newest so many of those that have ended."""
    owned = await _owned(link, origin)
    live = _known(await link.records(owned.live))
    ended, is_cut = await _newest(link, owned, newest, live=False)
    places = {job_id: place for ids in owned.members.values() for place, job_id in enumerate(ids)}
    records = sorted(
        (*live, *ended), key=lambda record: (_submitted(record), places.get(record.id, 0)), reverse=True
    )  # fmt: skip
    return Found(records=records, groups=_live_groups(owned.members, owned.states), is_cut=is_cut)


async def last_of(link: Link, origin: Origin, limit: int, *, whole: bool = True) -> Found:
    """The newest so many jobs of an origin, whether they live or not; `whole`: with their groups."""
    names = await link.wire.ask(lambda client: owners.owned(client, link.wire.keys, origin))
    records, is_cut = await _newest(link, _Owned(names, {}, {}), limit, live=True)
    return Found(records=records, groups=(await _whole(link, records))[0] if whole else {}, is_cut=is_cut)


async def everywhere(link: Link, limit: int) -> Found:
    """Jobs of all queues that wait or run: the newest of those first in their queue, and all of their groups."""

    async def asked(client: Any) -> tuple[list[str], int]:
        names = await queues.names(client, link.wire.keys)
        parts = [await queues.ids(client, link.wire.keys, name, limit=limit) for name in names]
        counts = [await queues.live(client, link.wire.keys, name) for name in names]
        return [job_id for part in parts for job_id in part], sum(counts)

    ids, count = await link.wire.ask(asked)
    first = sorted(_known(await link.records(ids)), key=_submitted, reverse=True)[:limit]
    members, states = await _whole(link, first)
    # what is done with all that was found is done with all of what is seen
    listed = {record.id for record in first}
    rest = await link.records([job_id for job_id, state in states.items() if state in LIVE and job_id not in listed])
    records = sorted((*first, *_known(rest)), key=_submitted, reverse=True)
    return Found(records=records, groups=members, more=max(count - len(records), 0))


async def one(link: Link, job_id: str) -> JobRecord:
    """What is known of a job. Raises JobLost, which names the way to a group where the id is that of one."""
    try:
        return await link.record(job_id)
    except JobLost:
        if not await _is_group(link, job_id):
            raise
        text = f'"{job_id}" is a group: nbqueue.attach(group="{job_id}") gives its handle.'
        raise JobLost(text, job_id=job_id) from None


async def _is_group(link: Link, name: str) -> bool:
    """Whether the server knows a group of this id; a job cannot ask that."""
    try:
        return await link.wire.ask(lambda client: groups.counts(client, link.wire.keys, name)) is not None
    except NotInJob:
        return False


async def group_of(link: Link, group: str) -> Found:
    """All jobs of a group that the server knows, whether they live or not: one record, and the ids of all."""
    wire = link.wire
    ids = await wire.ask(lambda client: groups.members(client, wire.keys, group))
    is_counted = bool(ids)
    ids = ids or await wire.ask(lambda client: groups.joined(client, wire.keys, group))
    states = await _states(link, ids)
    known = [job_id for job_id in ids if states[job_id] is not None]
    records = _known(await link.records(known[:1]))
    if not records:
        raise JobLost(
            f'The server knows no group "{group}": check the id and NBQUEUE_URL; if it was there, its data is gone.'
        )
    return Found(records=records, groups={group: known}, uncounted=() if is_counted else (group,))


async def search(link: Link, asked: finding.Wanted) -> Found:
    """The jobs that are wanted."""
    hits = await finding.search(link, replace(asked, limit=asked.limit + 1))
    kept = hits.records[: asked.limit]
    is_cut = len(hits.records) > len(kept)
    return Found(records=kept, groups=(await _whole(link, kept))[0], is_cut=is_cut, unread=hits.unread)


async def _whole(link: Link, records: Sequence[JobRecord]) -> tuple[dict[str, list[str]], dict[str, State | None]]:
    """The groups of which some of these live, with all of their jobs, and the states of those jobs."""
    names = list(dict.fromkeys(record.group for record in records if record.group and not record.state.is_final))
    members = await _members(link, names)
    states = await _states(link, [job_id for ids in members.values() for job_id in ids])
    return _live_groups(members, states), states


def _live_groups(
    members: Mapping[str, Sequence[str]], states: Mapping[str, State | None]
) -> dict[str, list[str]]:  # fmt: skip
    """Those groups of which some live, without the jobs that the server no longer knows."""
    known = {group: [job_id for job_id in ids if states[job_id] is not None] for group, ids in members.items()}
    return {group: ids for group, ids in known.items() if any(states[job_id] in LIVE for job_id in ids)}


async def _owned(link: Link, origin: Origin) -> _Owned:
    wire = link.wire
    names = await wire.ask(lambda client: owners.owned(client, wire.keys, origin))
    grouped = [name.removeprefix(GROUP) for name in names if name.startswith(GROUP)]
    left = await wire.ask(lambda client: groups.left_of_all(client, wire.keys, grouped))
    # of one that counts none what is listed decides
    members = await _members(link, [group for group, count in zip(grouped, left, strict=True) if count != 0])
    ids = [name for name in names if not name.startswith(GROUP)]
    ids += [job_id for listed in members.values() for job_id in listed]
    return _Owned(names, members, await _states(link, ids))


async def _newest(link: Link, owned: _Owned, most: int, *, live: bool) -> tuple[list[JobRecord], bool]:
    """The records of the newest so many, with or without those that live, and whether there are older ones."""
    found: list[JobRecord] = []
    async for ids in _newest_first(link, owned, most + 1):
        wanted = [job_id for job_id in ids if live or owned.states.get(job_id) not in LIVE]
        while wanted and len(found) <= most:
            room = most + 1 - len(found)
            found += _known(await link.records(wanted[:room]))
            wanted = wanted[room:]
        if len(found) > most:
            break
    # the last ones of a group stand together, whatever came between
    return sorted(found, key=_submitted, reverse=True)[:most], len(found) > most


async def _newest_first(link: Link, owned: _Owned, most: int) -> AsyncIterator[list[str]]:
    """The ids of all jobs, in portions; of a group of which none lives, its newest so many."""
    waiting: list[str] = []
    for start in range(0, len(owned.names), LOOKED_INTO):
        part = owned.names[start : start + LOOKED_INTO]
        over = [name.removeprefix(GROUP) for name in part if name.startswith(GROUP)]
        ended = await _members(link, [group for group in over if group not in owned.members], newest=most)
        for name in part:
            group = name.removeprefix(GROUP) if name.startswith(GROUP) else ""
            waiting += reversed(owned.members.get(group) or ended.get(group) or ()) if group else (name,)
        if len(waiting) >= CHUNK_JOBS:
            yield waiting
            waiting = []
    yield waiting


async def _members(link: Link, names: Sequence[str], *, newest: int = 0) -> dict[str, list[str]]:
    """The jobs of each group, in the order of their submit."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), CHUNK_JOBS):
        part = names[start : start + CHUNK_JOBS]
        listed = await link.wire.ask(
            lambda client: groups.members_of_all(client, link.wire.keys, part, newest=newest)  # noqa: B023
        )
        found |= dict(zip(part, listed, strict=True))
    return found


async def _states(link: Link, ids: Sequence[str]) -> dict[str, State | None]:
    """The state of each job, None where the server knows nothing of it."""
    found: dict[str, State | None] = {}
    for start in range(0, len(ids), STATES):
        part = ids[start : start + STATES]
        states = await link.wire.ask(lambda client: jobs.states(client, link.wire.keys, part))  # noqa: B023
        found |= zip(part, states, strict=True)
    return found


def _known(records: Sequence[JobRecord | None]) -> list[JobRecord]:
    return [record for record in records if record is not None]


def _submitted(record: JobRecord) -> float:
    return record.submitted_at.timestamp() if record.submitted_at else 0.0
