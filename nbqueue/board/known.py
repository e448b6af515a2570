"""Records of jobs that were looked up, and are looked up again where they may have changed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from nbqueue.client.link import Link
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State

#: what is known of a job that is not shown may be so old while it runs, and else, unless it is said otherwise
STALE_S, WAITS_S = 5.0, 20.0
#: records that one look reads, and the first of all
MOST, FIRST = 2 * CHUNK_JOBS, 200


class Known:
    """What is known of the jobs that were asked for last."""

    def __init__(self, *, stale_s: float = WAITS_S, first: int = MOST) -> None:
        """Args: how old what is known of a job that waits may be; how many records the first look reads."""
        self._stale_s, self._most = stale_s, first
        #: whether all that was asked for was read
        self.is_complete = False
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
        old = [each for each in ids if each in shown or self._is_old(each, now, runs=each in running)]
        asked, self._most = old[: self._most], MOST
        self.is_complete = len(asked) == len(old)
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
        return not record.state.is_final and now - read_at > (STALE_S if runs else self._stale_s)
