"""What one process holds of one server: the wire, and those who read from it, made together on the portal's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from nbqueue.broker import jobs
from nbqueue.broker.handshake import agree
from nbqueue.broker.signing import Keyring
from nbqueue.client.channels import Channels
from nbqueue.client.ends import Ends
from nbqueue.client.follow import Follow
from nbqueue.client.wire import Wire
from nbqueue.errors import JobLost
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings


class Link:
    """Wire, follow, ends and channels of one session in one process."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._loop = asyncio.get_running_loop()
        self._agreed = False
        self._kept: set[asyncio.Task[None]] = set()
        self.wire = Wire(settings, keyring)
        self.follow = Follow(self.wire)
        self.ends = Ends(self.wire, self.follow)
        self.channels = Channels(self.wire)

    async def agree(self) -> None:
        """Before the first job is sent: raise ConfigurationError where the workers here sign with another key."""
        if not self._agreed:
            await self.wire.ask(lambda client: agree(client, self.wire.keys, self.wire.keyring))
            self._agreed = True

    async def records(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        """What is known of each job now."""
        found: list[JobRecord | None] = []
        for start in range(0, len(job_ids), 500):
            batch = job_ids[start : start + 500]
            found += await self.wire.ask(lambda client: jobs.records(client, self.wire.keys, batch))  # noqa: B023
        return found

    async def record(self, job_id: str) -> JobRecord:
        """What is known of a job now. Raises JobLost where nothing is."""
        [found] = await self.records([job_id])
        if found is None:
            raise unknown(job_id)
        return found

    def soon(self, act: Callable[..., object], *args: Any) -> None:
        """Call something on the portal's loop, from any thread; nothing where the portal has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *args)

    def keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something in the background, on the portal's loop."""
        task = self._loop.create_task(coroutine)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def close(self) -> None:
        """Close the connections; tasks were cancelled before."""
        await self.wire.close()


def unknown(job_id: str) -> JobLost:
    """The error for a job that the server does not know."""
    return JobLost(
        f'The server knows no job "{job_id}": check the id and NBQUEUE_URL; if it was there, its data is gone.',
        job_id=job_id,
    )
