"""Submitting one job, and waiting for it in every way."""

import asyncio
import threading
import time

import pytest

from nbqueue.client.handle import Job
from nbqueue.client.submitter import options, run, submit
from nbqueue.errors import JobFailed, NotSendable
from nbqueue.model.states import State
from tests.client.engine_stub import Engine


def double(number: int) -> int:
    return 2 * number


async def double_later(number: int) -> int:
    await asyncio.sleep(0.01)
    return 2 * number


async def test_awaiting_a_submit_gives_a_handle(running_engine: Engine) -> None:
    """`await submit(...)` gives a handle, and awaiting that the value."""
    job = await submit(double, 4)
    assert isinstance(job, Job)
    assert await job == 8
    assert await job.state() is State.SUCCEEDED


async def test_coroutine_functions_are_jobs_too(running_engine: Engine) -> None:
    """A job of an async function gives what the coroutine returns."""
    assert await (await submit(double_later, 21)) == 42


async def test_run_gives_the_value(running_engine: Engine) -> None:
    """`await run(...)` is submit and result in one."""
    assert await run(double, 21) == 42


def test_sync_code_waits(running_engine: Engine) -> None:
    """`.wait()` does in sync code what `await` does in async code."""
    assert submit(double, 21).wait().wait(timeout=5) == 42
    assert run(lambda: "from a lambda").wait(5) == "from a lambda"


def test_submit_is_quick(running_engine: Engine) -> None:
    """A job's way there and back takes milliseconds."""
    run(double, 1).wait()
    submits, whole = [], []
    for number in range(100):
        begun = time.perf_counter()
        job = submit(double, number).wait()
        submits.append(time.perf_counter() - begun)
        job.wait()
        whole.append(time.perf_counter() - begun)
    print("submit p50", sorted(submits)[50] * 1000, "result p50", sorted(whole)[50] * 1000)
