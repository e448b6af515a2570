"""Jobs and what asyncio offers: whatever waits for awaitables waits for jobs."""

import asyncio
import time
from typing import Any

import pytest
from tqdm.asyncio import tqdm_asyncio

from nbqueue import Job, JobFailed, options, run, submit, submit_map
from nbqueue.model.events import StateChanged
from tests.waiting import SLACK


async def shout(word: str) -> str:
    """A job that is done soon."""
    await asyncio.sleep(0.01)
    return word.upper()


def broken() -> None:
    """A job that fails."""
    raise ValueError("no such word")


async def result(job: Job[Any]) -> Any:
    """A coroutine, for what takes nothing else."""
    return await job


async def test_gather() -> None:
    """`asyncio.gather` takes jobs, and what `run` and `submit` give before they were awaited."""
    jobs = [await submit(shout, word) for word in "ab"]
    assert await asyncio.gather(*jobs, run(shout, "c"), jobs[0]) == ["A", "B", "C", "A"]
    [job] = await asyncio.gather(submit(shout, "d"))
    assert await job == "D"


async def test_gather_with_errors() -> None:
    """With `return_exceptions` the errors of jobs stand in their places."""
    found = await asyncio.gather(await submit(shout, "a"), await submit(broken), return_exceptions=True)
    assert (found[0], type(found[1])) == ("A", JobFailed)


async def test_as_completed() -> None:
    """`asyncio.as_completed` gives them in the order in which they end; a group has the same by itself."""
    jobs = [await submit(shout, word) for word in "abc"]
    assert {await each for each in asyncio.as_completed(jobs)} == {"A", "B", "C"}
    group = await submit_map(shout, "abc")
    assert {await job async for job in group.as_completed()} == {"A", "B", "C"}


async def test_async_for_over_events() -> None:
    """`async for` over the events of a job ends with the job."""
    job = await submit(shout, "a")
    states = [event.state async for event in job.events() if isinstance(event, StateChanged)]
    assert states[-1] == "succeeded"


async def test_timeout() -> None:
    """`asyncio.timeout` and `wait_for` end the waiting; the job goes on, and is awaited again."""
    job = await options(delay=0.5).submit(shout, "a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await job
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(job, 0.05)
    assert await job == "A"


async def test_wait() -> None:
    """`asyncio.wait` takes tasks and futures only: `ensure_future` makes one of anything that can be awaited."""
    waiting = [asyncio.ensure_future(await submit(shout, word)) for word in "ab"]
    done, pending = await asyncio.wait(waiting)
    assert ({each.result() for each in done}, pending) == ({"A", "B"}, set())


async def test_task_group() -> None:
    """A `TaskGroup` takes coroutines only: one that awaits the job is enough."""
    async with asyncio.TaskGroup() as tasks:
        found = [tasks.create_task(result(await submit(shout, word))) for word in "ab"]
    assert [each.result() for each in found] == ["A", "B"]


async def test_task_group_that_fails() -> None:
    """The first job that fails ends the waits of the group, and no job."""
    slow = await options(delay=0.5).submit(shout, "a")

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(result(slow))
            tasks.create_task(result(await submit(broken)))

    with pytest.raises(ExceptionGroup) as raised:
        await both()
    assert [type(error) for error in raised.value.exceptions] == [JobFailed]
    assert await slow == "A"


async def test_tqdm() -> None:
    """`tqdm.asyncio` shows its bar over jobs."""
    jobs = [await submit(shout, word) for word in "abc"]
    assert await tqdm_asyncio.gather(*jobs, disable=True) == ["A", "B", "C"]
    assert {await each for each in tqdm_asyncio.as_completed(jobs, disable=True)} == {"A", "B", "C"}


async def test_cancelling_a_task_cancels_no_job() -> None:
    """Who cancels a task that waits cancels the waiting alone."""
    job = await options(delay=0.5).submit(shout, "a")
    task = asyncio.ensure_future(job)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await job == "A"


async def test_a_loop_goes_on_meanwhile() -> None:
    """While one coroutine waits for a job, others have their turns."""
    job = await options(delay=0.3).submit(shout, "a")
    task = asyncio.ensure_future(job)
    began, turns = time.monotonic(), 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 5
    assert time.monotonic() - began < 30 * SLACK
