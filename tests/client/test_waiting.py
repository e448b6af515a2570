"""Waiting for jobs from loops, threads and forked copies, and stopping to wait."""

import asyncio
import gc
import inspect
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

import pytest
import uvloop

from nbqueue.client import portal as portals
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from nbqueue.client.submitter import run, submit, submit_map
from nbqueue.client.tick import _ticks
from nbqueue.errors import BrokerUnavailable, ConfigurationError, JobFailed
from nbqueue.model.states import State
from tests.waiting import SLACK, until, wait_until

pytestmark = pytest.mark.usefixtures("running_engine")


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def fail() -> None:
    """Raise."""
    raise ValueError("on purpose")


async def rest(seconds: float) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return "rested"


def test_it_works_in_one_loop_after_another() -> None:
    """A handle made in one event loop is awaited in the next, after asyncio.run has ended."""

    async def submitted() -> Job[int]:
        return await submit(double, 4)

    async def awaited(job: Job[int]) -> int:
        return await job

    job = asyncio.run(submitted())
    assert (asyncio.run(awaited(job)), job.wait(5)) == (8, 8)


def test_it_works_under_uvloop() -> None:
    """Another kind of event loop makes no difference."""

    async def both() -> list[int]:
        return [await run(double, 4), *(await (await submit_map(double, [1, 2])))]

    assert uvloop.run(both()) == [8, 2, 4]


def test_many_threads_and_loops_wait_for_one_job() -> None:
    """Threads with and without loops of their own all get the value of the same job."""
    job = submit(rest, 0.2).wait()
    found: list[str] = []

    async def awaited() -> str:
        return await job

    threads = [threading.Thread(target=lambda: found.append(job.wait(5))) for _ in range(5)]
    threads += [threading.Thread(target=lambda: found.append(asyncio.run(awaited()))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert found == ["rested"] * 10


async def test_cancelling_a_wait_leaves_the_job() -> None:
    """The very CancelledError arrives, says so in one line, and the job goes on."""
    job = await submit(rest, 0.5)
    seen: list[BaseException] = []

    async def waiting() -> None:
        try:
            await job
        except asyncio.CancelledError as stopped:
            seen.append(stopped)
            raise

    task = asyncio.create_task(waiting())
    await until(lambda: _ticks)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert seen == [caught.value]
    assert caught.value._render_traceback_() == [  # type: ignore[attr-defined]
        f"nbqueue: stopped waiting; job {job.id} goes on (job.cancel() stops it)"
    ]
    assert (_ticks, await job) == ({}, "rested")


async def test_a_timeout_around_a_wait_is_a_timeout() -> None:
    """asyncio.timeout and wait_for work, and the job goes on."""
    job = await submit(rest, 0.3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await job
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(job, 0.05)
    assert await job == "rested"


def test_waiting_too_long_is_a_timeout_error() -> None:
    """`wait(timeout)` raises the builtin TimeoutError, and the job goes on."""
    job = submit(rest, 0.3).wait()
    with pytest.raises(TimeoutError, match=f"Job {job.id} took longer than 0.05 s; it goes on"):
        job.wait(0.05)
    assert job.wait(5) == "rested"


@pytest.mark.parametrize("way", ["wait", "run_until_complete"])
def test_an_interrupt_stops_the_wait_soon(way: str) -> None:
    """SIGINT ends a wait within half a second, in sync code and in a loop that sleeps; the job goes on."""
    job = submit(rest, 2.0).wait()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    if way == "wait":
        with pytest.raises(KeyboardInterrupt) as caught:
            job.wait()
        assert "goes on" in caught.value._render_traceback_()[0]  # type: ignore[attr-defined]
    else:
        _interrupted_cell(job)
    assert time.monotonic() - begun < (0.3 + 0.5) * SLACK
    assert job.wait(5) == "rested"


def _interrupted_cell(job: Job[str]) -> None:
    """As a kernel does it: the signal's handler cancels the cell's task, without waking the loop."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_awaited(job))
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon(task.cancel))
    try:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        signal.signal(signal.SIGINT, before)
        loop.close()


async def _awaited(job: Job[str]) -> str:
    return await job


@pytest.mark.parametrize("call", [lambda: run(fail), lambda: submit(rest, 0.1)], ids=["fails", "is fine"])
def test_a_failure_nobody_looked_at_is_reported_once(
    call: Callable[[], object], caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """A dropped Pending loses nothing but its answer: a failure is logged, a success is not."""
    with caplog.at_level(logging.WARNING, logger="nbqueue"):
        call()
        gc.collect()
        run(double, 1).wait()
        if "fails" in request.node.name:
            wait_until(lambda: caplog.messages)
        run(rest, 0.2).wait()
    expected = ["failed, and nobody took the answer: JobFailed: ValueError: on purpose"]
    assert [text.partition(" ")[2].partition(" ")[2] for text in caplog.messages] == (
        expected if "fails" in request.node.name else []
    )


def test_a_failure_that_was_looked_at_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    """What was raised needs no log."""
    with caplog.at_level(logging.WARNING, logger="nbqueue"):
        with pytest.raises(JobFailed):
            run(fail).wait()
        gc.collect()
        run(double, 1).wait()
    assert caplog.messages == []


def test_a_forked_copy_connects_anew() -> None:
    """In a forked copy a handle works over connections of its own, and the original's are not disturbed."""
    job = submit(rest, 0.5).wait()
    thread = threading.Thread(target=job.wait)
    thread.start()
    child = os.fork()
    if not child:
        _exit_with(lambda: _in_the_copy(job))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    thread.join(5)
    assert (job.wait(5), run(double, 3).wait(5), job.state().wait(5)) == ("rested", 6, State.SUCCEEDED)


def _in_the_copy(job: Job[str]) -> bool:
    own: Job[str] = Job(job.id)
    answers = (job.wait(5), own.wait(5), run(double, 3).wait(5))
    return answers == ("rested", "rested", 6) and portals._inherited != []


def _exit_with(check: Callable[[], bool]) -> None:
    code = 1
    try:
        code = 0 if check() else 2
    finally:
        os._exit(code)


def test_a_pending_of_the_original_says_so_in_a_copy() -> None:
    """What was begun before a fork cannot be waited for after it, and says so instead of hanging."""
    pending: Pending[None] = Pending(Future(), what="what was begun")
    pending._source._pid = -1
    with pytest.raises(BrokerUnavailable, match="before the process was forked"):
        pending.wait(5)


def test_shutdown_can_be_followed_by_more() -> None:
    """After a shutdown, what waits is told, and the next call connects anew."""
    job = submit(rest, 1.0).wait()
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            job.wait(5)
        except BrokerUnavailable as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: job._ending is not None)
    portals.shutdown()
    thread.join(5)
    assert [str(error) for error in failed] == [
        "nbqueue was shut down before the answer came: ask again, it connects anew."
    ]
    assert job.wait(5) == "rested"


async def test_one_tick_serves_a_loop() -> None:
    """However many wait in a loop, it has one tick, and none once nobody waits."""
    jobs = [await submit(rest, 0.3) for _ in range(20)]
    waits = [asyncio.ensure_future(_awaited(job)) for job in jobs]
    await until(lambda: _ticks and next(iter(_ticks.values())).waiting == 20)
    assert len(_ticks) == 1
    await asyncio.gather(*waits)
    assert _ticks == {}


async def test_a_pending_says_that_the_job_is_to_be_awaited_first() -> None:
    """What only the job has is refused with what to do; private names, copies and pickles are as ever."""
    pending = submit(rest, 1)
    with pytest.raises(AttributeError, match=r"A Pending has no 'state': await it, or call .wait\(\), to get the job"):
        getattr(pending, "state")  # noqa: B009 - mypy knows that it has none
    assert [hasattr(pending, name) for name in ("state", "_repr_html_", "__len__", "done")] == [False] * 3 + [True]
    assert not inspect.iscoroutine(pending)
    await (await pending).cancel()


def test_a_timeout_that_is_no_length_of_time_is_refused() -> None:
    """In one sentence, also where the answer is here already; a timedelta, text and endless seconds are fine."""
    job = submit(double, 4).wait(timedelta(seconds=5))
    assert job.wait("5 s") == 8
    assert job.wait(math.inf) == 8
    with pytest.raises(
        ConfigurationError, match=r"timeout='soon' is no duration: give seconds, or text such as 90s, 5min, 2h or 1d\."
    ):
        job.wait(timeout="soon")
    for wrong in (-1, math.nan):
        with pytest.raises(ConfigurationError, match=r"timeout=\S+ is out of range: give 0 s up to ten years\."):
            job.wait(timeout=wrong)
