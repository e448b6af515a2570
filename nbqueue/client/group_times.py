"""When a group began and when the last of its jobs ended: told by events, and looked up where they do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError

#: of so many jobs at the beginning and at the end of a group the times are looked up; it is those that tell, mostly
LOOKED_UP = 100


class GroupTimes:
    """The two times of a group, UTC, on the server's clock. Read them from any thread."""

    def __init__(self, job_ids: Sequence[str]) -> None:
        self._ids = tuple(dict.fromkeys((*job_ids[:LOOKED_UP], *job_ids[-LOOKED_UP:])))
        self._has_all = len(self._ids) == len(job_ids)
        self._told: datetime | None = None
        self._over = False
        #: start of its first job
        self.began_at: datetime | None = None
        #: end of the last one that has ended
        self.last_end_at: datetime | None = None

    def ended(self, at: datetime) -> None:
        """A job was told to have ended."""
        if self._over:
            return
        self.last_end_at = self._told = max(at, self._told or at)

    async def look(self, link: Link, *, all_ended: bool) -> None:
        """Look up the times."""
        try:
            records = [record for record in await link.records(self._ids) if record is not None]
        except NbqueueError:
            return  # the card shows no times then
        began = [record.started_at for record in records if record.started_at is not None]
        self.began_at = min((at for at in (*began, self.began_at) if at is not None), default=None)
        if all_ended:
            self._over = True
            told = () if self._has_all else (self._told,)
            ends = (record.finished_at for record in records)
            self.last_end_at = max((at for at in (*ends, *told) if at is not None), default=None)
