"""Stopping what runs in threads of this process: it is asked, and what does not heed a limit is let go."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbqueue
from nbqueue import JobCancelled, JobTimeout, State, options, run, submit
from nbqueue.model.events import StateChanged
from nbqueue.testing import inline_session
from tests.waiting import until


@pytest.fixture(autouse=True)
def _session() -> Iterator[None]:
    """A session without a server, with room for two functions at once."""
    with inline_session(slots=2):
        yield


async def _running(job: nbqueue.Job[object]) -> None:
    async for event in job.events():
        if isinstance(event, StateChanged) and event.state is State.RUNNING:
            return


async def test_code_that_looks_is_stopped() -> None:
    """A cancel asks, and what the code hands back is the partial result."""

    def count() -> int:
        done = 1
        while not nbqueue.should_stop():
            done += 1
            time.sleep(0.01)
        return done

    job = await submit(count)
    await _running(job)
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled) as caught:
        await job
    assert caught.value.partial > 0


async def test_a_coroutine_is_cancelled() -> None:
    """A coroutine that does not look is cancelled where it awaits, and so are the tasks it left."""
    job = await submit(asyncio.sleep, 60)
    await _running(job)
    assert await job.cancel() == "cancelled"


async def test_code_that_does_not_look_is_only_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A thread cannot be ended: `cancel()` says that it has asked, and the job runs on until its code ends."""
    monkeypatch.setattr("nbqueue.client.cancelling.SIGN_S", 0.3)

    def stubborn(gate: Path) -> str:
        while not gate.exists():
            time.sleep(0.01)
        return "done"

    job = await submit(stubborn, tmp_path / "gate")
    await _running(job)
    assert await job.cancel() == "requested"
    assert await job.state() is State.RUNNING
    (tmp_path / "gate").touch()
    with pytest.raises(JobCancelled) as caught:
        await job
    assert caught.value.partial == "done"


async def test_code_that_passes_its_limit_is_let_go(tmp_path: Path) -> None:
    """Its job ends and says that the code goes on; others go on beside it."""

    def stubborn(gate: Path) -> None:
        while not gate.exists():
            time.sleep(0.01)
        gate.with_suffix(".passed").touch()

    gate = tmp_path / "gate"
    job = await options(timeout=0.1).submit(stubborn, gate)
    with pytest.raises(JobTimeout, match=r"limit of 0.1 s. Its code does not stop when asked to, and goes on"):
        await job
    assert await nbqueue.submit_map(abs, range(4)).wait() == [0, 1, 2, 3]
    gate.touch()
    await until(gate.with_suffix(".passed").exists)
    assert await job.state() is State.TIMED_OUT


async def test_after_a_cancel_the_limit_still_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that heeds neither goes on, so its job is no cancelled one."""
    monkeypatch.setattr("nbqueue.client.cancelling.SIGN_S", 0.1)

    def stubborn(gate: Path) -> None:
        while not gate.exists():
            time.sleep(0.01)

    job = await options(timeout=0.5).submit(stubborn, tmp_path / "gate")
    await _running(job)
    assert await job.cancel() == "requested"
    with pytest.raises(JobTimeout, match="goes on in the process it shares"):
        await job
    (tmp_path / "gate").touch()


async def test_listeners_are_told_in_a_thread() -> None:
    """A function given to `on_stop` is called while the code of the job waits."""

    def waits() -> str:
        told = threading.Event()
        nbqueue.on_stop(told.set)
        told.wait(10)
        return str(nbqueue.stop_reason())

    job = await submit(waits)
    await _running(job)
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled) as caught:
        await job
    assert caught.value.partial == "cancel"


async def test_coroutines_have_another_loop_when_one_is_held(tmp_path: Path) -> None:
    """A coroutine that blocks past its limit keeps its loop to itself; later ones get a new one."""

    async def blocking(gate: Path) -> None:
        while not gate.exists():  # noqa: ASYNC240 - blocking is the fault under test
            time.sleep(0.01)  # noqa: ASYNC251

    gate = tmp_path / "gate"
    with pytest.raises(JobTimeout):
        await options(timeout=0.1).run(blocking, gate)
    assert await run(asyncio.sleep, 0, "next") == "next"
    gate.touch()
