"""What is done with a whole group at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbqueue.broker import gates, groups
from nbqueue.client import retrying
from nbqueue.client.draft import Draft
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.names import new_job_id
from nbqueue.model.shown import Counts
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A group in which retries have taken the places of jobs."""

    #: of the group of those that were submitted last
    id: str
    #: by the id of the job that was there
    jobs: Mapping[str, Job[Any]]
    #: whether all jobs are of that group
    is_counted: bool
    #: the other groups that its jobs are of
    others: tuple[str, ...]
    #: jobs of those that had ended well: the time of the others is not theirs
    before: frozenset[str]
    #: how many were submitted just now
    again: int


@dataclass(frozen=True, slots=True)
class _Place:
    job: Job[Any]
    state: State | None
    group: str
    #: when it was submitted, of a retry that was found
    at: datetime | None = None


async def progress(link: Link, group: str, job_ids: Sequence[str]) -> Mapping[State, int]:
    """How many jobs are in which state: by the counts of the group, where the server keeps them, else one by one."""
    if group and link.instead is None:
        wire = link.wire
        counted = await wire.ask(lambda client: groups.counts(client, wire.keys, group))
        if counted is not None:
            return Counts(counted.states)
    states = await states_of(link, job_ids)
    return Counts(Counter(states.values()))


async def states_of(link: Link, job_ids: Sequence[str]) -> dict[str, State]:
    """The state of each job that the server knows."""
    found: dict[str, State] = {}
    for start in range(0, len(job_ids), CHUNK_JOBS):
        part = job_ids[start : start + CHUNK_JOBS]
        states = await link.states(part)
        found.update({job_id: state for job_id, state in zip(part, states, strict=True) if state is not None})
    return found


async def pause(link: Link, groups: Sequence[str]) -> None:
    """Let no more jobs of these groups start."""
    for group in groups:
        await link.wire.ask(lambda client: gates.pause(client, link.wire.keys, f"g:{group}"))  # noqa: B023


async def resume(link: Link, groups: Sequence[str]) -> None:
    """Let them start again."""
    for group in groups:
        await link.wire.ask(lambda client: gates.resume(client, link.wire.keys, f"g:{group}"))  # noqa: B023


async def newest(link: Link, members: Sequence[Job[Any]], group: str) -> Renewed | None:
    """The last retries in the places of the jobs that did not end well; None where none was retried."""
    return _renewed(await _places(link, members, group), group)


async def retry_failed(link: Link, members: Sequence[Job[Any]], group: str) -> Renewed | None:
    """The same, and a new job for each of those that has ended otherwise than well itself."""
    places = await _places(link, members, group)
    failed = {each.job.id: each.job for each in places.values() if _is_bad(each.state)}
    drafts: Mapping[str, Draft] = {}
    if failed:
        new = new_job_id()
        drafts = await retrying.retry_group(link, {job_id: job.sent for job_id, job in failed.items()}, new)
        places |= {
            name: _Place(each.job.again(drafts[each.job.id]), State.QUEUED, new)
            for name, each in places.items()
            if each.job.id in drafts
        }
    return _renewed(places, group, len(drafts))


async def _places(link: Link, members: Sequence[Job[Any]], group: str) -> dict[str, _Place]:
    """What is in the place of each job: the last retry of one that did not end well, or itself."""
    states = await states_of(link, [job.id for job in members])
    found = await retrying.newest_of(link, [job_id for job_id, state in states.items() if _is_bad(state)])
    return {
        job.id: _Place(job, states.get(job.id), group)
        if (last := found.get(job.id)) is None or last.id == job.id
        else _Place(job.newer(last.id), last.state, last.group, last.submitted_at)
        for job in members
    }


def _renewed(places: Mapping[str, _Place], group: str, again: int = 0) -> Renewed | None:
    if all(each.job.id == name for name, each in places.items()):
        return None
    retries = [each for name, each in places.items() if each.job.id != name and each.group]
    # those that are submitted just now have no time yet
    retries.sort(key=lambda each: each.at or datetime.max.replace(tzinfo=UTC))
    last = retries[-1].group if retries else group
    return Renewed(
        id=last,
        jobs={name: each.job for name, each in places.items()},
        is_counted=all(each.group == last for each in places.values()),
        others=tuple(dict.fromkeys(each.group for each in places.values() if each.group not in ("", last))),
        before=frozenset(
            each.job.id for each in places.values() if each.state is State.SUCCEEDED and each.group != last
        ),
        again=again,
    )


def _is_bad(state: State | None) -> bool:
    return state is not None and state.is_final and state is not State.SUCCEEDED
