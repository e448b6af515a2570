"""The first jobs of a group that did not end well, and why: what its card lists."""

from __future__ import annotations

from nbqueue.client.link import Link
from nbqueue.errors import BrokerUnavailable
from nbqueue.model.job import JobRecord
from nbqueue.model.states import UNWANTED, State

#: as many are looked up
LISTED = 5


class Failures:
    """Looks up the first few as they come."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._looking = False
        #: what is known of them, in the order in which they ended
        self.records: tuple[JobRecord, ...] = ()

    @property
    def known(self) -> bool:
        """Whether all that are listed were looked up."""
        return len(self.records) >= len(self._ids)

    def ended(self, job_id: str, state: State) -> bool:
        """Note an end; whether there is now one more to be looked up."""
        if state not in UNWANTED or job_id in self._ids or len(self._ids) >= LISTED:
            return False
        self._ids[job_id] = None
        return True

    async def look(self, link: Link) -> None:
        """Look up those that are not known yet; one look at a time, until none is left."""
        if self._looking:
            return
        self._looking = True
        try:
            while not self.known:
                ids = list(self._ids)
                found = await link.records(ids)
                gone = (JobRecord(id=job_id, state=State.CRASHED, error_type="JobLost") for job_id in ids)
                self.records = tuple(record or lost for record, lost in zip(found, gone, strict=True))
        except BrokerUnavailable:
            return  # with the next end, or never: the counts say it too
        finally:
            self._looking = False
