"""Cancelling, from one job to many: what waits ends at once, what runs is asked to stop and given time to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from nbqueue.client.ended import Ended
from nbqueue.client.link import Link, unknown
from nbqueue.client.removing import settle
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.states import State

#: how long a running job's worker has to give a sign
SIGN_S = 5.0

Cancelled = Literal["cancelled", "already finished", "requested"]


async def cancel(link: Link, job_id: str) -> Cancelled:
    """Cancel one job. Raises JobLost where the server knows none of that id."""
    answers = await cancel_all(link, [job_id])
    if not answers:
        raise unknown(job_id)
    return next(iter(answers))


async def cancel_all(link: Link, job_ids: Sequence[str]) -> Counter[Cancelled]:
    """Cancel jobs; how many got which answer. Unknown ones are left out."""
    answers: Counter[Cancelled] = Counter()
    running: list[str] = []
    for start in range(0, len(job_ids), CHUNK_JOBS):
        chunk = job_ids[start : start + CHUNK_JOBS]
        found = await link.cancel(chunk)
        running += [job_id for job_id, answer in zip(chunk, found, strict=True) if answer == "asked"]
        answers["cancelled"] += found.count("removed")
        answers["already finished"] += sum(answer not in ("unknown", "removed", "asked") for answer in found)
    if link.instead is None:  # the worker that cancels for a job does so itself
        await settle(link)
    if running:
        answers += await _signs(link, running)
    return +answers


async def _signs(link: Link, job_ids: Sequence[str]) -> Counter[Cancelled]:
    """How jobs that were asked to stop did end, as far as they do within the time."""
    answers: Counter[Cancelled] = Counter()
    all_ended = asyncio.Event()

    def ended(end: Ended) -> None:
        answers["cancelled" if end.state is State.CANCELLED else "already finished"] += 1
        if answers.total() == len(job_ids):
            all_ended.set()

    watch = link.ends.watch(job_ids, ended)
    try:
        async with asyncio.timeout(SIGN_S):
            await all_ended.wait()
    except TimeoutError:
        answers["requested"] += len(job_ids) - answers.total()
    finally:
        watch.stop()
    return answers
