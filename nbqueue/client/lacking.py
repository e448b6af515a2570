"""Why a job may wait in vain: nobody serves its queue, or has the resources it needs."""

from __future__ import annotations

from concurrent.futures import CancelledError

from nbqueue.broker import queues
from nbqueue.broker.attendance import served_queues
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import no_resources, no_worker
from nbqueue.model.job import JobRecord
from nbqueue.model.resources import fits, known
from nbqueue.model.states import State, WaitReason

#: seconds that somebody who has waited long enough is kept at most for the reason
ASK_S = 1.0


def reason(session: Session, job_id: str, patience_s: float) -> str:
    """A sentence on what a job lacks, as far as that is known soon; or nothing. Raises nothing."""

    async def asked(link: Link) -> str:
        record = await link.record(job_id)
        if record.waits_for_worker:
            served = await link.wire.ask(lambda client: served_queues(client, link.wire.keys))
            if record.queue not in served:
                return no_worker(record.queue)
        return "" if await _is_offered(link, record) else no_resources(record.queue, record.needs)

    try:
        answer = session.call(asked)
    except (NbqueueError, RuntimeError):
        return ""  # the session ends
    try:
        return answer.result(min(patience_s, ASK_S))
    except (NbqueueError, TimeoutError, CancelledError):
        answer.cancel()
        return ""


async def _is_offered(link: Link, record: JobRecord) -> bool:
    """Whether a worker of its queue has what the job needs, free or not; true where nothing of it is missing."""
    if not record.needs or record.state is not State.QUEUED or record.reason not in (None, WaitReason.LIMITED):
        return True
    found = await link.wire.ask(lambda client: queues.engines(client, link.wire.keys))
    needs = known(record.needs)
    return any(fits(needs, engine.resources) for engine in found if record.queue in engine.queues)
