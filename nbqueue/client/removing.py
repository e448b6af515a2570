"""Forgetting jobs: what waits is cancelled first, what runs goes on, what has ended leaves no trace but the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nbqueue.broker import jobs
from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS


async def delete(link: Link, job_ids: Sequence[str]) -> Mapping[str, int]:
    """How many are "deleted", or go on as they are "running"; unknown ones are left out."""
    answers = Counter((await delete_each(link, job_ids)).values())
    return {answer: count for answer, count in answers.items() if answer != "unknown"}


async def delete_each(link: Link, job_ids: Sequence[str]) -> dict[str, str]:
    """What became of each: "deleted", "running" or "unknown"."""
    answers: dict[str, str] = {}
    for start in range(0, len(job_ids), CHUNK_JOBS):
        part = job_ids[start : start + CHUNK_JOBS]
        answers |= zip(part, await link.wire.run(jobs.remove(link.wire.keys, part)), strict=True)
    await settle(link)
    return answers


async def settle(link: Link) -> None:
    """Tell jobs that wait for others of what was ended here; workers do so otherwise, with the next look."""
    while await link.wire.run(jobs.settle(link.wire.keys)):
        pass
