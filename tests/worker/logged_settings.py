"""Settings classes whose worker's log is read: one says nothing of the log, one wants results and arguments in it."""

import asyncio
import os

from arq.connections import RedisSettings

from tests.worker.stocks import Context, again, double, fail, named


async def stay(_: Context) -> None:
    """Run until it is stopped."""
    await asyncio.Event().wait()


class WorkerSettings:
    """What arq is told; of the log nothing."""

    functions = (named(again), named(double), named(fail), named(stay))
    redis_settings = RedisSettings(unix_socket_path=os.environ.get("STOCK_SOCKET", ""), conn_retries=0)
    allow_abort_jobs = True


class Telling:
    """The same, and all is to be in the log."""

    functions = WorkerSettings.functions
    redis_settings = WorkerSettings.redis_settings
    log_results = True
    log_arguments = True
