"""A schedule in the server, as tests of the wire keep it, take turns at it and look at it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from nbqueue.broker import schedules, scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.scheduled_calls import ScheduledCall
from nbqueue.broker.schedules import Taken
from nbqueue.broker.signing import Keyring
from nbqueue.model.options import check
from nbqueue.model.schedule import Turn
from nbqueue.model.times import Times
from nbqueue.worker.scheduler import Scheduler

KEYS = Keys()
RING = Keyring({"ours": b"k" * 32})
NAME = "nightly"
HEADER = {
    "kind": "job", "ns": "", "id": "", "fn": "f", "codec": "pickle", "py": "3.99", "cp": "9", "v": "9",
    "lane": "loop", "queue": "default", "user": "ann",
}  # fmt: skip


class KeptSchedules:
    """The server as a test speaks to it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def keep(
        self,
        times: Times,
        *,
        revision: str = "r1",
        due_in_s: float = 0.0,
        payload: bytes = b"call",
        **options: Any,
    ) -> bool:
        """Keep a schedule that is due so many seconds from now."""
        made = call(times, payload, **options)
        await schedules.send_call(self.client, KEYS, NAME, revision, made.sealed(RING, KEYS))
        next_at = await schedules.now(self.client) + timedelta(seconds=due_in_s)
        since = next_at - timedelta(seconds=60)
        kept = schedules.keep(
            KEYS, name=NAME, revision=revision, function="f", queue="default", times=times, since=since, next_at=next_at
        )
        return await scripts.run(self.client, kept)

    async def take(self, hold_s: float = 5.0) -> Taken:
        """Take a turn."""
        return await scripts.run(self.client, schedules.take(KEYS, hold_s=hold_s))

    async def advance(self, taken: Taken, done: Turn, **more: Any) -> bool:
        """End a turn."""
        return await scripts.run(self.client, schedules.advance(KEYS, taken, done, **{"look_at": done.next_at, **more}))

    async def record(self) -> Any:
        """What is known of the schedule."""
        [found] = await schedules.stored(self.client, KEYS)
        assert found is not None
        return found.record

    async def job_ids(self) -> list[str]:
        """All jobs of its queue that wait."""
        return sorted(item.decode() for item in await self.client.zrange(KEYS.queue("default"), 0, -1))


def call(times: Times, payload: bytes = b"call", **options: Any) -> ScheduledCall:
    """A call as a client makes it."""
    return ScheduledCall(name=NAME, function="f", times=times, options=check(**options), header=HEADER, payload=payload)


async def turns(scheduler: Scheduler, ask: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool]) -> None:
    """Take turns until an answer is enough."""
    async with asyncio.timeout(5):
        while not enough(await ask()):  # noqa: ASYNC110 - what is asked is in the server
            await asyncio.sleep(min(await scheduler.take_turn(), 0.05))
