"""Why a job may wait in vain: nobody serves its queue, or has the resources it needs."""

from __future__ import annotations

from concurrent.futures import CancelledError

from nbqueue.broker.attendance import offers
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import lack

#: seconds that somebody who has waited long enough is kept at most for the reason
ASK_S = 1.0


def reason(session: Session, job_id: str, patience_s: float) -> str:
    """A sentence on what a job lacks, as far as that is known soon; or nothing. Raises nothing."""

    async def asked(link: Link) -> str:
        record = await link.record(job_id)
        if not record.may_lack:
            return ""
        return lack(record, await link.wire.ask(lambda client: offers(client, link.wire.keys)))

    try:
        answer = session.call(asked)
    except (NbqueueError, RuntimeError):
        return ""  # the session ends
    try:
        return answer.result(min(patience_s, ASK_S))
    except (NbqueueError, TimeoutError, CancelledError):
        answer.cancel()
        return ""
