"""The ends of claims that cannot run here, and of attempts that cannot be recorded as they ended."""

from __future__ import annotations

import logging
from typing import Any

from nbqueue.broker import scripts
from nbqueue.broker.claims import Claim, Finish
from nbqueue.errors import NbqueueError
from nbqueue.model.states import State
from nbqueue.worker.attempt import Attempt, Here
from nbqueue.worker.elsewhere import KEY, header_of, is_verified, lacked_for, who_fits
from nbqueue.worker.elsewhere import recorded as told_in_record
from nbqueue.worker.lacking import Lacking
from nbqueue.worker.recording import judge, record, refusal
from nbqueue.worker.verdict import Ended

logger = logging.getLogger("nbqueue.worker")

#: seconds after which a job is offered again of which the server could not be asked who else fits
OFFER_AGAIN_S = 0.5


class TurnedAway:
    """Decides what becomes of claims that cannot run here."""

    def __init__(self, here: Here, client: Any) -> None:
        self._here, self._client = here, client
        #: what is left to others
        self.lacking = Lacking()

    async def end_of(self, claim: Claim, error: NbqueueError) -> Finish:
        """End a claim that cannot run here; where another worker fits, leave it to that."""
        if left := await self._left_to_others(claim, error):
            return left
        logger.warning("Job %s cannot run: %s", ascii(claim.job_id), error)
        told = header_of(claim) if is_verified(error) else await told_in_record(self._client, self._here, claim)
        return refusal(claim, error, self._here, told=told)

    async def _left_to_others(self, claim: Claim, error: NbqueueError) -> Finish | None:
        """Give a claim back for those who have what it needs; None where there are none. For a key it waits."""
        try:
            lacked = await lacked_for(self._client, self._here, claim, error)
            if lacked and not self.lacking.is_left(claim.queue, lacked):
                others = await who_fits(self._client, self._here, claim, lacked)
                if not (others or lacked.startswith(KEY)):
                    return None
                self.lacking.leave(claim.queue, lacked, others)
        except scripts.TROUBLE:
            return Finish(job_id=claim.job_id, fence=claim.fence, state=State.SCHEDULED, delay_s=OFFER_AGAIN_S)
        if not lacked:
            return None
        return Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED, lacked=lacked)


def recorded(attempt: Attempt, ended: Ended, here: Here, facts: dict[str, Any]) -> Finish:
    """What is recorded of an end. One that cannot be put into a record is an end all the same."""
    try:
        return record(attempt, judge(attempt, ended, here), here, facts=facts)
    except NbqueueError as error:
        logger.warning("The end of job %s cannot be recorded: %s", attempt.claim.job_id, error)
        return refusal(attempt.claim, error, here, told=attempt.header)
