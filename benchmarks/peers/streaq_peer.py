"""streaQ."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from streaq import Worker

from benchmarks.peers.driving import CONCURRENCY, PORT, STAY_S, is_first_start, main

#: jobs in one pipeline
CHUNK = 500

worker = Worker(redis_url=f"redis://127.0.0.1:{PORT}", concurrency=CONCURRENCY)


@worker.task
async def noop(number: int) -> int:
    """Do nothing."""
    return number


@worker.task
async def stay(ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        await asyncio.sleep(STAY_S)


class Streaq:
    """Jobs by `enqueue_many`."""

    distribution = "streaq"

    async def open(self) -> None:
        """Connect, for as long as this process lives."""
        await AsyncExitStack().enter_async_context(worker)

    async def fill(self, count: int) -> None:
        """Submit."""
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            await worker.enqueue_many([noop.enqueue(number) for number in numbers])

    async def left(self) -> int:
        """Entries of its stream, which go when a job ends."""
        return int(await worker.queue_size())

    async def once(self, number: int) -> int:
        """One job's result."""
        job = await noop.enqueue(number)
        return int((await job.result()).result)

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays."""
        await stay.enqueue(ledger)

    def work(self) -> None:
        """One worker."""
        worker.run_sync()


if __name__ == "__main__":
    main(Streaq())
