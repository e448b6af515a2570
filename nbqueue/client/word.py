"""Tells callables of this process when jobs have ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from nbqueue.client.ended import Ended
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.client.telling import Told, tell
from nbqueue.client.waiting import accepted_first

log = logging.getLogger("nbqueue")


class Handle(Protocol):
    """The handle of a job."""

    id: str

    def know(self, ended: Ended) -> None:
        """Take the end that somebody else waited for."""


def tell_when_ended(
    session: Session, accepted: Future[Any] | None, jobs: Sequence[Handle], on_done: Iterable[Any]
) -> None:
    """Call what is callable of `on_done` with each job once it has ended, as long as this process lives."""
    callables = tuple(item for item in on_done if callable(item))
    if not callables or not jobs:
        return
    by_id = {job.id: job for job in jobs}
    begun = session.call(accepted_first(accepted, partial(_watch, by_id, callables)))
    begun.add_done_callback(partial(_say_deaf, accepted, len(jobs)))


async def _watch(by_id: Mapping[str, Handle], callables: tuple[Told, ...], link: Link) -> None:
    """Follow the jobs until all have ended."""
    left, over = set(by_id), asyncio.Event()

    def deliver(ended: Ended) -> None:
        left.discard(ended.job_id)
        if ended.is_over and not _is_trouble(ended):
            by_id[ended.job_id].know(ended)
            tell(callables, by_id[ended.job_id])
        elif ended.problem is not None:
            log.warning("on_done of job %s is not called: %s", ended.job_id, ended.problem)
        if not left:
            over.set()

    watch = link.ends.watch(tuple(by_id), deliver)
    try:
        await over.wait()
    finally:
        watch.stop()


def _is_trouble(ended: Ended) -> bool:
    """Whether not the end was told, but that the server cannot be asked for it."""
    return isinstance(ended.problem, ConnectionError)


def _say_deaf(accepted: Future[Any] | None, count: int, begun: Future[None]) -> None:
    """Say that nothing will be called; a submit that failed says so itself."""
    if begun.cancelled() or begun.exception() is None:
        return
    if accepted is None or (accepted.done() and not accepted.cancelled() and accepted.exception() is None):
        log.warning("on_done of %d jobs is not called: %s", count, begun.exception())
