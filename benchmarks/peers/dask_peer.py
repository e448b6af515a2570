"""Dask's distributed scheduler with one worker process: nothing is stored, and nothing can be held back."""

from __future__ import annotations

from typing import Any

from distributed import Client, LocalCluster

from benchmarks.peers.driving import main


async def noop(number: int) -> int:
    """Do nothing, on the worker's event loop."""
    return number


class Dask:
    """Jobs by `map`."""

    distribution = "distributed"

    async def open(self) -> None:
        """Start scheduler and worker."""
        cluster = await LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, asynchronous=True, dashboard_address=None
        )
        self.client = await Client(cluster, asynchronous=True)
        self.futures: list[Any] = []
        #: dask gives the same key to the same call, so numbers are not used twice
        self.next = 0

    async def fill(self, count: int) -> None:
        """Submit."""
        self.futures = self.client.map(noop, range(self.next, self.next + count), pure=False)
        self.next += count

    async def left(self) -> int:
        """Wait for all; then none are left."""
        await self.client.gather(self.futures)
        self.futures = []
        return 0

    async def once(self, number: int) -> int:
        """One job's result."""
        return int(await self.client.submit(noop, number, pure=False))

    def work(self) -> None:
        """Nothing: the worker belongs to the cluster."""


if __name__ == "__main__":
    main(Dask())
