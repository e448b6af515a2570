"""docket."""

from __future__ import annotations

import asyncio

from docket import Docket, Worker

from benchmarks.peers.driving import CONCURRENCY, STAY_S, UNIX_URL, is_first_start, main

#: it takes a connection for each job under way, and its client allows a hundred unless told otherwise
URL = f"{UNIX_URL}?max_connections={10 * CONCURRENCY}"


async def noop(number: int) -> int:
    """Do nothing."""
    return number


async def stay(ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        await asyncio.sleep(STAY_S)


class DocketPeer:
    """Jobs by `add_many`."""

    distribution = "pydocket"

    async def open(self) -> None:
        """Connect."""
        self.docket = Docket(url=URL)
        await self.docket.__aenter__()
        self.docket.register(noop)
        self.docket.register(stay)

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

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays."""
        await self.docket.add(stay)(ledger)

    def work(self) -> None:
        """One worker."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        async with Docket(url=URL) as docket:
            docket.register(noop)
            docket.register(stay)
            async with Worker(docket, concurrency=CONCURRENCY) as worker:
                await worker.run_forever()


if __name__ == "__main__":
    main(DocketPeer())
