"""What is done with a whole group at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.broker import gates, groups
from nbqueue.client import retrying
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.names import new_job_id
from nbqueue.model.states import State


async def progress(link: Link, group: str, job_ids: Sequence[str]) -> Mapping[State, int]:
    """How many jobs are in which state: by the counts of the group, where the server keeps them, else one by one."""
    if group and link.instead is None:
        wire = link.wire
        counted = await wire.ask(lambda client: groups.counts(client, wire.keys, group))
        if counted is not None:
            return counted.states
    states = await states_of(link, job_ids)
    return Counter(states.values())


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


async def retry_failed(link: Link, members: Sequence[Job[Any]]) -> tuple[str, dict[str, Job[Any]]]:
    """A new job for each that ended otherwise than well, by the id of the old one, and the id of their group."""
    states = await states_of(link, [job.id for job in members])
    failed = {
        job.id: job for job in members
        if (state := states.get(job.id)) and state.is_final and state is not State.SUCCEEDED
    }  # fmt: skip
    if not failed:
        return "", {}
    group = new_job_id()
    drafts = await retrying.retry_group(link, {job_id: job.sent for job_id, job in failed.items()}, group)
    return group, {job_id: failed[job_id].again(draft) for job_id, draft in drafts.items()}
