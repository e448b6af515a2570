"""First steps: submit, wait, look, stop."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue import (
    ConfigurationError,
    JobCancelled,
    JobFailed,
    JobTimeout,
    State,
    options,
    run,
    submit,
    submit_map,
    task,
)
from nbqueue.model.events import StateChanged
from tests.waiting import until


def solve(size: int, *, factor: int = 2) -> int:
    """Any function of yours: sync ones run in a process of their own."""
    return size * factor


async def fetch(name: str) -> str:
    """Async ones run many at once in an event loop."""
    await asyncio.sleep(0.01)
    return name.upper()


async def test_submit_then_await() -> None:
    """`await submit(...)` gives a handle as soon as the server has the job; awaiting the handle gives the result."""
    job = await submit(solve, 21, factor=2)
    assert await job == 42
    assert await job.state() is State.SUCCEEDED


async def test_run_is_both() -> None:
    """`await run(...)` submits, shows a card, and gives the result."""
    assert await run(fetch, "london") == "LONDON"


def test_without_async() -> None:
    """In a script, `.wait()` stands for `await`."""
    job = submit(solve, 21).wait()
    assert job.wait() == 42


async def test_many_at_once() -> None:
    """`submit_map` makes one job an item; the group is awaited as one, or as its jobs complete."""
    group = await submit_map(fetch, ["a", "b", "c"])
    assert await group == ["A", "B", "C"]
    assert {await job async for job in group.as_completed()} == {"A", "B", "C"}
    assert await group.progress() == {State.SUCCEEDED: 3}


async def test_an_error_comes_back() -> None:
    """A job that raises fails; the handle raises JobFailed from the original error."""

    def divide(number: int) -> float:
        return number / 0

    with pytest.raises(JobFailed, match="ZeroDivisionError: division by zero") as caught:
        await run(divide, 1)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "return number / 0" in caught.value.remote_traceback


async def test_a_job_tells_how_far_it_is() -> None:
    """`track` moves the job's bar, prints reach its log, and `live()` reads both without waiting."""

    def steps() -> int:
        for step in nbqueue.track(range(3), message="stepping"):
            print(f"step {step}")  # noqa: T201 - what a job prints is its log
        return 3

    job = await submit(steps)
    live = job.live()
    assert await job == 3
    await until(lambda: live.record.progress.done == 3)
    assert live.record.progress.total == 3
    assert (await job.logs()).splitlines() == ["step 0", "step 1", "step 2"]


@pytest.mark.needs_processes("stopping")
async def test_cancel_stops_it() -> None:
    """A running job is stopped for real, whatever its code does."""

    def stubborn() -> None:
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                continue

    job = await submit(stubborn)
    async for event in job.events():
        if isinstance(event, StateChanged) and event.state is State.RUNNING:
            break
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled):
        await job


async def test_a_time_limit() -> None:
    """`options` says how a job is run, here for how long at most."""
    with pytest.raises(JobTimeout, match="ran into its time limit"):
        await options(timeout=0.3, label="too slow").run(time.sleep, 60)


async def test_what_was_submitted_is_found_again(tmp_path: Path) -> None:
    """Handles come back by their ids, or all of a notebook's at once, also in another process."""
    job = await submit(solve, 4)
    again = await nbqueue.attach(job.id)
    assert await again == 8
    assert [found.id for found in await nbqueue.attach()] == [job.id]
    frame = await nbqueue.history()
    assert list(frame["job"]) == [job.id]
    assert nbqueue.export_csv(frame, tmp_path / "history.csv").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nosuch": 1}, "Option 'nosuch' is not known: the options are queue, priority, delay, "),
        ({"nosuch": None}, "Option 'nosuch' is not known"),
        ({"countdown": 5}, "Option 'countdown' is not known: it is called delay= here."),
        ({"tiemout": 5}, "Option 'tiemout' is not known: did you mean timeout=?"),
        ({"tags": [""]}, "tag='' cannot be used: give printable text of 1 to 64 characters."),
        ({"limit_key": ""}, "limit_key='' cannot be used: give printable text of 1 to 200 characters."),
    ],
)
def test_what_is_no_option_is_told(given: dict[str, Any], said: str) -> None:
    """In a sentence, where it is given: by `options` as by `@task`."""
    for give in (options, task):
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            give(**given)
