"""What is done with a whole group at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.broker import gates, groups
from nbqueue.client import retrying
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.states import State

#: retries under way at once
RETRIES = 50


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


async def pause(link: Link, group: str) -> None:
    """Let no more of its jobs start."""
    await link.wire.ask(lambda client: gates.pause(client, link.wire.keys, f"g:{group}"))


async def resume(link: Link, group: str) -> None:
    """Let them start again."""
    await link.wire.ask(lambda client: gates.resume(client, link.wire.keys, f"g:{group}"))


async def retry_failed(link: Link, members: Sequence[Job[Any]]) -> dict[str, Job[Any]]:
    """A new job for each that ended otherwise than well, by the id of the old one."""
    states = await states_of(link, [job.id for job in members])
    failed = [
        job for job in members if (state := states.get(job.id)) and state.is_final and state is not State.SUCCEEDED
    ]
    turns = asyncio.Semaphore(RETRIES)

    async def again(job: Job[Any]) -> Job[Any]:
        async with turns:
            return job.again(await retrying.retry(link, job.id, job.sent))

    async with asyncio.TaskGroup() as tasks:
        under_way = {job.id: tasks.create_task(again(job)) for job in failed}
    return {job_id: task.result() for job_id, task in under_way.items()}
