"""Functions of a stock arq user, and workers and clients to run them with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from arq import Retry, func
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.jobs import Job

from nbqueue.worker.stock import Worker
from tests.waiting import until

T = TypeVar("T")
Context = dict[str, Any]


def where(path: Path) -> RedisSettings:
    """The settings by which arq finds the server at a socket."""
    return RedisSettings(unix_socket_path=str(path))


async def double(_: Context, number: int) -> int:
    """A function that takes an argument."""
    return 2 * number


async def fail(_: Context) -> None:
    """A function with a bug."""
    raise ValueError("no such thing")


async def again(ctx: Context, tries: int) -> int:
    """A function that wants to be tried so often."""
    if ctx["job_try"] < tries:
        raise Retry(defer=0.05)
    return int(ctx["job_try"])


async def wait(ctx: Context) -> str:
    """A function that runs until the worker's `go` is set; its starts are counted."""
    ctx["starts"].append(ctx["job_id"])
    await ctx["go"].wait()
    return "waited"


def named(function: Any, **options: Any) -> Any:
    """A function under its short name, with arq's options."""
    return func(function, name=function.__name__, **options)


def counting() -> Context:
    """The context that `wait` needs."""
    return {"starts": [], "go": asyncio.Event()}


def make(path: Path, *functions: Any, **options: Any) -> Worker:
    """A worker of a test."""
    return Worker(functions, **{"redis_settings": where(path), "handle_signals": False, "poll_delay": 0.02, **options})


@asynccontextmanager
async def serving(path: Path, *functions: Any, **options: Any) -> AsyncIterator[Worker]:
    """A worker that runs as long as the block."""
    worker = make(path, *functions, **options)
    task = asyncio.create_task(worker.async_run())
    try:
        yield worker
    finally:
        await worker.close()
        await asyncio.gather(task, return_exceptions=True)


async def burst(path: Path, *functions: Any, **options: Any) -> Worker:
    """A worker that ran all there was; it is closed."""
    worker = make(path, *functions, burst=True, **options)
    try:
        await worker.async_run()
    finally:
        await worker.close()
    return worker


async def enqueue(pool: ArqRedis, function: str, *args: Any, **options: Any) -> Job:
    """A job that is new."""
    job = await pool.enqueue_job(function, *args, **options)
    assert job is not None
    return job


async def result(job: Job) -> Any:
    """What a job gives, soon."""
    return await job.result(timeout=10, poll_delay=0.01)


async def has_begun(worker: Worker, count: int = 1) -> None:
    """Wait until `wait` has begun so often."""
    await until(lambda: len(worker.ctx["starts"]) >= count)


async def told(question: Callable[[], Awaitable[T]]) -> T:
    """The first answer that is true, of a question that the server is asked."""

    async def ask() -> T:
        return await question()

    answer: T = await until(ask)
    return answer


@asynccontextmanager
async def pool_at(path: Path, **options: Any) -> AsyncIterator[ArqRedis]:
    """A stock client."""
    pool = await create_pool(where(path), **options)
    try:
        yield pool
    finally:
        await pool.aclose()
