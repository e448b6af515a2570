"""Dask's distributed scheduler with one worker process or more: nothing is stored, and nothing can be held back."""

from __future__ import annotations

import sys
import time
from typing import Any

from distributed import Client, LocalCluster

from benchmarks.peers.driving import STAY_S, is_first_start, main


async def noop(number: int) -> int:
    """Do nothing, on the worker's event loop."""
    return number


def stay(ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        time.sleep(STAY_S)


class Dask:
    """Jobs by `map`."""

    distribution = "distributed"

    def __init__(self, variant: str) -> None:
        self.workers = int(variant) if variant.isdigit() else 1

    async def open(self) -> None:
        """Start scheduler and worker."""
        cluster = await LocalCluster(
            n_workers=self.workers, threads_per_worker=1, processes=True, asynchronous=True, dashboard_address=None
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

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays; it runs while somebody holds its future."""
        self.futures = [self.client.submit(stay, ledger)]

    def work(self) -> None:
        """Nothing: the worker belongs to the cluster."""


if __name__ == "__main__":
    main(Dask(sys.argv[2]))
