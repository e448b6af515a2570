"""Tells callables of this process when jobs have ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from nbqueue.broker import words
from nbqueue.client.ended import Ended
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.client.telling import Told, tell
from nbqueue.client.waiting import accepted_first
from nbqueue.model.delivery import Delivery
from nbqueue.model.shown import ShownList

log = logging.getLogger("nbqueue")


class Handle(Protocol):
    """The handle of a job."""

    id: str

    def know(self, ended: Ended) -> None:
        """Take the end that somebody else waited for."""


def tell_when_ended(
    session: Session, accepted: Future[Any] | None, jobs: Callable[[], Sequence[Handle]], on_done: Iterable[Any]
) -> None:
    """Call what is callable of `on_done` with each job once it has ended, as long as this process lives.

    `jobs` gives the handles once the submit was accepted: the server may have put another job in the place of one.
    """
    callables = tuple(item for item in on_done if callable(item))
    if callables:
        begun = session.call(accepted_first(accepted, partial(_watch, jobs, callables)))
        begun.add_done_callback(partial(_say_deaf, accepted))


async def deliveries(link: Link, job_id: str) -> list[Delivery]:
    """How it went to leave word of a job's end. Raises JobLost where the server does not know the job."""
    await link.record(job_id)
    found = await link.wire.ask(lambda client: words.deliveries(client, link.wire.keys, [job_id]))
    return ShownList((each for each in found if each is not None), kind=Delivery)


async def _watch(jobs: Callable[[], Sequence[Handle]], callables: tuple[Told, ...], link: Link) -> None:
    """Follow the jobs until all have ended."""
    by_id = {job.id: job for job in jobs()}
    left, over = set(by_id), asyncio.Event()

    def deliver(ended: Ended) -> None:
        left.discard(ended.job_id)
        if not left:
            over.set()
        if _is_trouble(ended):
            log.warning("on_done of job %s is not called: %s", ended.job_id, ended.problem)
        else:
            by_id[ended.job_id].know(ended)
            tell(callables, by_id[ended.job_id])

    watch = link.ends.watch(tuple(by_id), deliver)
    try:
        if left:
            await over.wait()
    finally:
        watch.stop()


def _is_trouble(ended: Ended) -> bool:
    """Whether not the end was told, but that the server cannot be asked for it."""
    return isinstance(ended.problem, ConnectionError)


def _say_deaf(accepted: Future[Any] | None, begun: Future[None]) -> None:
    """Say that nothing will be called; a submit that failed says so itself."""
    if begun.cancelled() or begun.exception() is None:
        return
    if accepted is None or (accepted.done() and not accepted.cancelled() and accepted.exception() is None):
        log.warning("on_done is not called: %s", begun.exception())
