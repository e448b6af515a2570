"""SAQ."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

from benchmarks.peers.driving import CONCURRENCY, STAY_S, UNIX_URL, is_first_start, main

#: seconds between two looks for a result
POLL_S = 0.001


async def noop(_: dict[str, Any], *, number: int) -> int:
    """Do nothing."""
    return number


async def stay(_: dict[str, Any], *, ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        await asyncio.sleep(STAY_S)


def _queue() -> RedisQueue:
    # its own from_url knows no sockets
    return RedisQueue(Redis.from_url(UNIX_URL))


class Saq:
    """Jobs by `enqueue`, one at a time: what enqueues many (`map`) waits for their results as well."""

    distribution = "saq"

    async def open(self) -> None:
        """Connect."""
        self.queue = _queue()
        await self.queue.connect()

    async def fill(self, count: int) -> None:
        """Submit."""
        for number in range(count):
            await self.queue.enqueue("noop", number=number)

    async def left(self) -> int:
        """Jobs that have not ended, in its own words."""
        return int(await self.queue.count("incomplete"))

    async def once(self, number: int) -> int:
        """One job's result, looked for as often as pays (by default each half second)."""
        return int(await self.queue.apply("noop", poll_interval=POLL_S, number=number))

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays; by default a job is not tried twice."""
        await self.queue.enqueue("stay", ledger=ledger, retries=2)

    def work(self) -> None:
        """One worker."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        queue = _queue()
        await queue.connect()
        await Worker(queue, functions=[noop, stay], concurrency=CONCURRENCY).start()


if __name__ == "__main__":
    main(Saq())
