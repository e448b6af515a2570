"""Records of jobs that were looked up, and are looked up again where they may have changed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State

#: what is known of a job that is not shown may be so old
STALE_S = 5.0
#: records that one look reads
MOST = 2 * CHUNK_JOBS


class Known:
    """What is known of the jobs that were asked for last."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[JobRecord, float]] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._found

    async def read(
        self, link: Link, ids: Collection[str], running: Collection[str], visible: Iterable[str]
    ) -> list[JobRecord]:
        """The records of these jobs; the old ones are read again, those on the page each time.

        Args:
            link: whom to ask.
            ids: of the jobs.
            running: ids of jobs that run now.
            visible: ids of jobs that are on the page.
        """
        now, shown = time.monotonic(), set(visible)
        asked = [each for each in ids if each in shown or self._is_old(each, now, runs=each in running)][:MOST]
        for job_id, record in zip(asked, await link.records(asked), strict=True):
            if record is None:
                self._found.pop(job_id, None)
            else:
                self._found[job_id] = (record, now)
        self._found = {job_id: self._found[job_id] for job_id in ids if job_id in self._found}
        return [record for record, _ in self._found.values()]

    def _is_old(self, job_id: str, now: float, *, runs: bool) -> bool:
        record, read_at = self._found.get(job_id, (None, 0.0))
        if record is None or runs is not (record.state is State.RUNNING):
            return True
        return not record.state.is_final and now - read_at > STALE_S
