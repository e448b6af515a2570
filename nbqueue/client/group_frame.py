"""The frame of a group: what its jobs were called with, and how they ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from nbqueue.client import arguments, frames, values
from nbqueue.client.arguments import Given, Known
from nbqueue.client.gathering import Gathering
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.portions import NOT_KEPT
from nbqueue.client.session import Session


def begin(
    session: Session, members: Sequence[Job[Any]], items: Sequence[tuple[Any, ...]], gathering: Gathering
) -> tuple[Future[Any], Callable[[Any], Any]]:
    """What is waited for, and what makes the frame of it.

    Args: `items`: the arguments of each job where they are known here; else they are read from the server, before the
        jobs that did not succeed are the only ones that have them.
    """
    ids = list(dict.fromkeys(job.id for job in members))

    async def asked(link: Link) -> Known:
        known = await arguments.of_jobs(link, ids) if link.instead is None else {}
        await asyncio.shield(asyncio.wrap_future(gathering.all_ended))
        return known

    def read(known: Known | None) -> Any:
        ended = gathering.ended
        found = [values.value(ended[job.id], job, return_errors=True) for job in members]
        if known is None:
            return frames.frame(members, [Given(item, {}) for item in items], ended, found)
        return frames.frame(members, [known.get(job.id, NOT_KEPT) for job in members], ended, found)

    return (gathering.all_ended if items or not members else session.call(asked)), read
