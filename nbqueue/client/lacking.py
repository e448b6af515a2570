"""Why a job may wait in vain: nobody serves its queue."""

from __future__ import annotations

from nbqueue.broker.attendance import served_queues
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import no_worker
from nbqueue.model.states import State

#: seconds that somebody who has waited long enough is kept for the reason
ASK_S = 1.0


def reason(session: Session, job_id: str) -> str:
    """A sentence on what a job lacks, as far as that is known soon; or nothing. Raises nothing."""

    async def asked(link: Link) -> str:
        record = await link.record(job_id)
        if record.state is not State.QUEUED:
            return ""
        served = await link.wire.ask(lambda client: served_queues(client, link.wire.keys))
        return "" if record.queue in served else no_worker(record.queue)

    try:
        return session.call(asked).result(ASK_S)
    except (NbqueueError, TimeoutError):
        return ""
