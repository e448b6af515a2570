"""The ends of jobs for those who are called back: each is told once, in a thread where unpickling disturbs nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from nbqueue.client.answer import cut_off
from nbqueue.client.ended import Ended
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.removing import settle
from nbqueue.client.session import Session
from nbqueue.client.telling import hand_over
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.states import State

#: what the log says where telling fails
_FAILED = "The end of %r could not be handed on."


def tell_ends(
    session: Session,
    submitted: Awaitable[Job[Any] | JobGroup[Any]],
    told: Callable[[int, Job[Any], Ended], object],
    failed: Callable[[BaseException], object],
) -> None:
    """Call `told` with the number of each job, its handle and its end; or `failed` once, where that cannot be.

    Both are called in threads of their own, in the context of the caller of this.
    """
    context = copy_context()

    def call(act: Callable[[Any], object], subject: Any) -> None:
        hand_over(lambda given: context.copy().run(act, given), subject, _FAILED)

    async def follow(link: Link) -> None:
        found = await submitted
        jobs = (found,) if isinstance(found, Job) else tuple(found)
        numbers: dict[str, list[int]] = {}
        for number, job in enumerate(jobs):
            numbers.setdefault(job.id, []).append(number)
        left, over = set(numbers), asyncio.Event()

        def deliver(ended: Ended) -> None:
            left.discard(ended.job_id)
            for number in numbers[ended.job_id]:
                call(lambda each: told(*each), (number, jobs[number], ended))
            if not left:
                over.set()

        watch = link.ends.watch(tuple(numbers), deliver)
        try:
            if left:
                await over.wait()
        finally:
            watch.stop()

    def begun(following: Future[None]) -> None:
        error = cut_off() if following.cancelled() else following.exception()
        if error is not None:
            call(failed, error)

    session.call(follow).add_done_callback(begun)


async def withdraw(link: Link, job_ids: Sequence[str]) -> set[str]:
    """Cancel those of these jobs that have not begun; which did end so. What runs goes on."""
    gone: set[str] = set()
    for start in range(0, len(job_ids), CHUNK_JOBS):
        chunk = job_ids[start : start + CHUNK_JOBS]
        answers = zip(chunk, await link.withdraw(chunk), strict=True)
        gone |= {job_id for job_id, answer in answers if answer in ("removed", State.CANCELLED)}
    if link.instead is None:  # the worker that cancels for a job does so itself
        await settle(link)
    return gone
