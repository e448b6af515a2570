"""The marks that stock arq clients leave on jobs they want aborted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from nbqueue.broker.claims import id_bytes
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE

#: a mark older than this whose job is gone is forgotten, so that no later job of the same id meets it
STALE_S = 60.0


class Aborts:
    """Reads, takes and forgets marks."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._client, self._keys = client, keys
        self._reading: asyncio.Future[frozenset[str]] | None = None

    async def takes(self, job_id: str) -> bool:
        """Whether a job about to start is marked; its mark is taken. Jobs that start together share one look."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(self._forget_reading)
        try:
            marked = await asyncio.shield(self._reading)
        except TROUBLE:
            return False  # seen again while it runs
        return job_id in marked and await self.take([job_id])

    async def take(self, job_ids: Iterable[str]) -> bool:
        """Remove marks; whether there was one."""
        return bool(await self._client.zrem(self._keys.aborts, *map(id_bytes, job_ids)))

    async def marked(self) -> frozenset[str]:
        """The ids with a mark; stale ones are forgotten."""
        now = time.time()
        found = await self._client.zrange(self._keys.aborts, 0, -1, withscores=True)
        old = [job_id for job_id, at_ms in found if abs(now - at_ms / 1000) > STALE_S]
        if old:
            await self._forget([job_id for job_id in old if not await self._waits(job_id)])
        return _texts(job_id for job_id, _ in found)

    async def _read(self) -> frozenset[str]:
        return _texts(await self._client.zrange(self._keys.aborts, 0, -1))

    def _forget_reading(self, done: asyncio.Future[frozenset[str]]) -> None:
        self._reading = None
        if not done.cancelled():
            done.exception()  # told to those who waited

    async def _waits(self, job_id: bytes) -> bool:
        return bool(await self._client.exists(self._keys.submission("").encode() + job_id))

    async def _forget(self, job_ids: list[bytes]) -> None:
        if job_ids:
            await self._client.zrem(self._keys.aborts, *job_ids)


def _texts(job_ids: Iterable[bytes]) -> frozenset[str]:
    return frozenset(job_id.decode("utf-8", "surrogateescape") for job_id in job_ids)
