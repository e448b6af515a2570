"""arq as it comes; with the worker `nbqueue`, the same settings class on nbqueue's arq-compatible worker."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pandas as pd
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import default_queue_name
from arq.worker import get_kwargs, run_worker

from benchmarks.peers.driving import CONCURRENCY, SOCKET, STAY_S, is_first_start, main


async def noop(_: dict[str, Any], number: int) -> int:
    """Do nothing."""
    return number


async def stay(_: dict[str, Any], ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        await asyncio.sleep(STAY_S)


class WorkerSettings:
    """As in arq's documentation."""

    functions = [noop, stay]  # noqa: RUF012 - arq's own form
    redis_settings = RedisSettings(unix_socket_path=SOCKET)
    max_jobs = CONCURRENCY


class Arq:
    """Jobs by `enqueue_job`, one at a time: arq has no call for many."""

    distribution = "arq"
    pool: ArqRedis

    async def open(self) -> None:
        """Connect."""
        self.pool = await create_pool(WorkerSettings.redis_settings)

    async def fill(self, count: int) -> None:
        """Submit."""
        for number in range(count):
            await self.pool.enqueue_job("noop", number)

    async def left(self) -> int:
        """The members of its sorted set, in which jobs stay until they have ended."""
        return int(await self.pool.zcard(default_queue_name))

    async def once(self, number: int) -> int:
        """One job's result, polled as often as arq does by default."""
        job = await self.pool.enqueue_job("noop", number)
        assert job is not None  # noqa: S101 - only a job with a known id gives None
        return int(await job.result())

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays."""
        await self.pool.enqueue_job("stay", ledger)

    async def history(self) -> int:
        """All results there are, as arq gives them, in a frame; its rows."""
        found = await self.pool.all_job_results()
        return len(pd.DataFrame([vars(each) for each in found]))

    def work(self) -> None:
        """Its own worker, or nbqueue's."""
        if sys.argv[2] != "nbqueue":
            run_worker(WorkerSettings)  # type: ignore[arg-type]
            return
        from nbqueue.worker.stock import Worker

        Worker(**get_kwargs(WorkerSettings)).run()  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Arq())
