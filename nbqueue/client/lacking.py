"""Why a job may wait in vain: nobody serves its queue, or has the resources it needs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from nbqueue.broker import queues
from nbqueue.broker.attendance import offers
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import lack
from nbqueue.model.near_names import near

T = TypeVar("T")

#: seconds that somebody who has waited long enough is kept at most for the reason
ASK_S = 1.0


def reason(session: Session, job_id: str, patience_s: float) -> str:
    """A sentence on what a job lacks, as far as that is known soon; or nothing. Raises nothing."""

    async def asked(link: Link) -> str:
        record = await link.record(job_id)
        if not record.may_lack:
            return ""
        return lack(record, await link.wire.ask(lambda client: offers(client, link.wire.keys)))

    return _answer(session, asked, patience_s) or ""


def near_functions(session: Session, job_id: str, name: str) -> list[str]:
    """Names that may have been meant, where workers of a job's queue have functions and none of its name.

    Raises nothing.
    """

    async def asked(link: Link) -> list[str]:
        record = await link.record(job_id)
        found = await link.wire.ask(lambda client: queues.engines(client, link.wire.keys))
        return near(name, {each for one in found if record.queue in one.queues for each in one.functions})

    return _answer(session, asked, ASK_S) or []


def _answer(session: Session, asked: Callable[[Link], Coroutine[Any, Any, T]], patience_s: float) -> T | None:
    """What was asked for; None where that is not known soon."""
    try:
        answer = session.call(asked)
    except (NbqueueError, RuntimeError):
        return None  # the session ends
    try:
        return answer.result(min(patience_s, ASK_S))
    except (NbqueueError, TimeoutError, CancelledError):
        answer.cancel()
        return None
