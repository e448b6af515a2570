"""Waiting of a job for something that is no answer of the client's own: its slot is given to others meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from nbqueue.client import hooks
from nbqueue.client.answer import Answer


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
