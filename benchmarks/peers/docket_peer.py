"""docket."""

from __future__ import annotations

import asyncio

from docket import Docket, Worker

from benchmarks.peers.driving import CONCURRENCY, UNIX_URL, main

#: it takes a connection for each job under way, and its client allows a hundred unless told otherwise
URL = f"{UNIX_URL}?max_connections={10 * CONCURRENCY}"


async def noop(number: int) -> int:
    """Do nothing."""
    return number


class DocketPeer:
    """Jobs by `add_many`."""

    distribution = "pydocket"

    async def open(self) -> None:
        """Connect."""
        self.docket = Docket(url=URL)
        await self.docket.__aenter__()
        self.docket.register(noop)

    async def fill(self, count: int) -> None:
        """Submit."""
        await self.docket.add_many(self.docket.call(noop)(number) for number in range(count))

    async def left(self) -> int:
        """Entries of its stream, which go when a job ends."""
        async with self.docket.redis() as server:
            return int(await server.xlen(self.docket.stream_key))

    async def once(self, number: int) -> int:
        """One job's result, told by pub/sub."""
        execution = await self.docket.add(noop)(number)
        return int(await execution.get_result())

    def work(self) -> None:
        """One worker."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        async with Docket(url=URL) as docket:
            docket.register(noop)
            async with Worker(docket, concurrency=CONCURRENCY) as worker:
                await worker.run_forever()


if __name__ == "__main__":
    main(DocketPeer())
