"""A settings class as arq's users write it, and a program that runs it as they do: in a process of their own."""

import asyncio
import os
import time
from typing import Any

from arq.connections import RedisSettings

from nbqueue.worker.stock import Worker
from tests.faults.bodies import note

Context = dict[str, Any]


async def until_told(_: Context, ledger: str, name: str, gate: str) -> int:
    """Run until a file is there; the process it ended in."""
    note(ledger, "begin", name)
    while not os.path.exists(gate):  # noqa: ASYNC110, ASYNC240, PTH110 - a file has no event
        await asyncio.sleep(0.02)
    note(ledger, "end", name)
    return os.getpid()


async def block(_: Context, ledger: str, name: str, seconds: float) -> str:
    """Keep the event loop from turning."""
    note(ledger, "begin", name)
    time.sleep(seconds)  # noqa: ASYNC251 - this is the fault
    note(ledger, "end", name)
    return name


async def quick(_: Context, ledger: str, name: str) -> str:
    """Run for a moment, and once more."""
    await asyncio.sleep(0.01)
    note(ledger, "ran", name)
    return name


class WorkerSettings:
    """What arq is told."""

    functions = (until_told, block, quick)
    redis_settings = RedisSettings(unix_socket_path=os.environ.get("STOCK_SOCKET", ""), conn_retries=0)
    max_jobs = 20
    job_timeout = 60


if __name__ == "__main__":
    found = {name: value for name, value in vars(WorkerSettings).items() if not name.startswith("_")}
    Worker(**found).run()
