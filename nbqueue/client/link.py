"""What one process holds of one server: the wire, and those who read from it, made together on the portal's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from nbqueue.broker import claims, jobs, reported
from nbqueue.broker.address import Address
from nbqueue.broker.envelope import Sealed, open_sealed
from nbqueue.broker.handshake import Mark
from nbqueue.broker.signing import Keyring
from nbqueue.client.channels import Channels
from nbqueue.client.draft import Draft
from nbqueue.client.ends import Ends, Watching
from nbqueue.client.follow import Follow
from nbqueue.client.submit_line import SubmitLine
from nbqueue.client.wire import CHUNK_JOBS, Wire
from nbqueue.errors import JobLost
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.shown import Log
from nbqueue.model.states import State


class Submits(Protocol):
    """Submits drafts in another way than by the wire."""

    async def submit(self, drafts: Sequence[Draft]) -> list[str]:
        """Per draft the state of its job, or "exists"."""
        ...


class Link:
    """Wire, follow, ends and channels of one session in one process."""

    #: what submits in the place of the wire, in a job
    instead: Submits | None = None

    def __init__(self, settings: Settings, keyring: Keyring, address: Address | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: set[asyncio.Task[None]] = set()
        #: where submits wait for their turns, by queue and priority; whoever submits in order makes them
        self.lines: dict[tuple[str, int], SubmitLine] = {}
        self.wire = Wire(settings, keyring, address)
        self._mark = Mark(self.wire.keys, self.wire.keyring)
        self.follow = Follow(self.wire)
        self.ends: Watching = Ends(self.wire, self.follow)
        self.channels = Channels(self.wire)

    def now(self) -> datetime:
        """The server's time, as well as it is known; from any thread."""
        return self.wire.clock.now()

    async def time(self) -> datetime:
        """The server's time, asked for."""
        await self.wire.ask(lambda client: self.wire.clock.compare(client.time))
        return self.now()

    async def wake(self) -> None:
        """Start the local server again where somebody has ended it: something is to be run."""
        await self.wire.ask(lambda client: client.time(), wakes=True)

    async def agree(self) -> None:
        """Before jobs are sent: raise ConfigurationError where the workers here sign with another key.

        It is asked before the first one, and when the key was rotated.
        """
        if not self._mark.is_kept:
            await self.wire.ask(self._mark.keep, wakes=True)

    async def records(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        """What is known of each job now."""
        found: list[JobRecord | None] = []
        for start in range(0, len(job_ids), CHUNK_JOBS):
            batch = job_ids[start : start + CHUNK_JOBS]
            found += await self.wire.ask(lambda client: jobs.records(client, self.wire.keys, batch))  # noqa: B023
        return found

    async def states(self, job_ids: Sequence[str]) -> list[State | None]:
        """The state of each job now, None where the server knows nothing of it."""
        found = await self.wire.ask(lambda client: jobs.standings(client, self.wire.keys, job_ids))
        return [each.change.state if each.change is not None else None for each in found]

    async def cancel(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs; per job "unknown", "removed" (it waited), "asked" (it runs) or the final state it had."""
        return await self.wire.run(jobs.cancel(self.wire.keys, job_ids))

    async def withdraw(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs that have not begun; per job as `cancel`, and "running" where it runs and goes on."""
        return await self.wire.run(jobs.cancel(self.wire.keys, job_ids, waiting=True))

    async def call_of(self, job_id: str, function: str) -> Sealed | None:
        """The call of a job of this function as the server keeps it, verified; None where it does not."""
        wire = self.wire
        blob = await wire.ask(lambda client: jobs.submission(client, wire.keys, job_id))
        if blob is None:
            return None
        return open_sealed(
            wire.keyring, blob, kind="job", namespace=wire.keys.namespace, job_id=job_id, function=function
        )

    async def checkpoint_of(self, job_id: str) -> bytes | None:
        """What a job kept last, as its process sent it, verified; None where the server has nothing."""
        wire = self.wire
        blob = await wire.ask(lambda client: claims.checkpoint(client, wire.keys, job_id))
        if blob is None:
            return None
        return open_sealed(wire.keyring, blob, kind="checkpoint", namespace=wire.keys.namespace, job_id=job_id).payload

    async def record(self, job_id: str) -> JobRecord:
        """What is known of a job now. Raises JobLost where nothing is."""
        [found] = await self.records([job_id])
        if found is None:
            raise unknown(job_id)
        return found

    async def state(self, job_id: str) -> State:
        """Where a job stands now. Raises JobLost where nothing is known of it."""
        return (await self.record(job_id)).state

    async def log(self, job_id: str) -> Log:
        """What a job has printed, as far as that is kept. Raises JobLost where nothing is known of it."""
        await self.record(job_id)
        return Log(await self.wire.ask(lambda client: reported.log(client, self.wire.keys, job_id)))

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
