"""Waits for a job to end without fetching its result, which may be large: a small one comes along with the end."""

from __future__ import annotations

import asyncio

from nbqueue.client.ended import Ended, opened
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.events import StateChanged


async def final_of(link: Link, job_id: str) -> Ended | None:
    """The end of a job where all of it came along, else None, once it has ended. Raises JobLost for unknown ones."""
    record = await link.record(job_id)
    if record.state.is_final:
        return None
    follower = _Follower(link)
    link.follow.join([job_id], follower, present=False)
    try:
        return await follower.found
    finally:
        link.follow.leave([job_id], follower)


class _Follower:
    """Hears of the end of one job."""

    def __init__(self, link: Link) -> None:
        self._link = link
        #: the end, or None where it is to be fetched
        self.found: asyncio.Future[Ended | None] = asyncio.get_running_loop().create_future()

    def changed(self, change: StateChanged) -> None:
        """Take an end with what came along."""
        if change.state.is_final:
            self._take(self._brought(change))

    def lost(self, job_id: str) -> None:
        """It is gone."""
        self._take(Ended(job_id=job_id))

    def connection(self, *, up: bool) -> None:
        """Waiting goes on."""

    def failed(self, error: NbqueueError) -> None:
        """Following is not possible."""
        if not self.found.done():
            self.found.set_exception(error)

    def _brought(self, change: StateChanged) -> Ended | None:
        blob = self._link.follow.result(change.job_id, change.fence)
        if blob is None:
            return None
        wire = self._link.wire
        ended = opened(wire.keyring, wire.keys.namespace, change.job_id, change.fence, blob)
        return ended if ended.problem is None else None

    def _take(self, found: Ended | None) -> None:
        if not self.found.done():
            self.found.set_result(found)
