"""Waiting of a job for something that is no answer of the client's own: its slot is given to others meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from nbqueue.client import hooks
from nbqueue.client.answer import Answer
from nbqueue.client.session import InnerSession, session


def rest(future: Future[Any], timeout_s: float | None) -> None:
    """In a job, return when `future` is done and the job has a slot again, or after so long; elsewhere at once."""
    line = hooks.line()
    if line is None or line.session is None or future.done():
        return
    waited: Answer[None] = Answer(line.session.at_rest(future))
    try:
        waited.block(timeout_s)
    finally:
        waited.future.cancel()


@contextmanager
def resting() -> Iterator[None]:
    """In a job, its slot is given to others while the block waits for jobs; it goes on with one. Elsewhere nothing."""
    here = session()
    if not isinstance(here, InnerSession):
        yield
        return
    over: Future[None] = Future()
    back = here.at_rest(over)
    try:
        yield
    finally:
        over.set_result(None)
        back.result()
