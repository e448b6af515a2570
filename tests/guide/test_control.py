"""Holding work back, and clearing it away."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue import ConfigurationError, JobFailed, Queue, QueueClosed, State, jobs, options, submit, submit_map
from tests.waiting import until


def step(number: int) -> int:
    """Any work."""
    return number


def broken(number: int) -> int:
    """Work that fails."""
    raise ValueError(f"broken {number}")


async def test_a_function_or_a_tag_can_be_paused() -> None:
    """Jobs of it wait, others run; after the resume they run in their order."""
    await jobs.pause(function="step")
    await jobs.pause(tag="night")
    held = await submit(step, 1)
    night = await options(tags=["night"]).submit(time.sleep, 0)
    await (await submit(time.sleep, 0))
    assert await jobs.paused() == ["f:step", "t:night"]
    assert str((await held.info()).reason) == "paused"
    await jobs.resume(function="step")
    assert await held == 1
    assert await night.state() is State.QUEUED
    await jobs.resume(tag="night")
    await night


async def test_a_queue_is_drained() -> None:
    """`drain` takes no more jobs and answers when the last has ended; `open` takes jobs again."""
    queue = Queue()
    group = await submit_map(step, range(5))
    await queue.drain()
    assert await group.progress() == {State.SUCCEEDED: 5}
    with pytest.raises(QueueClosed, match='Queue "default" takes no more jobs'):
        await submit(step, 1)
    assert (await queue.stats()).standing == "drained"
    await queue.open()
    assert (await queue.stats()).standing == "open"
    assert await (await submit(step, 1)) == 1


def split(flag: str, numbers: list[int]) -> list[int]:
    """Work that is done by jobs of its own, once the flag is there."""
    while not Path(flag).exists():
        time.sleep(0.01)
    return submit_map(step, numbers).wait(30).wait(30)


async def test_what_runs_in_a_drained_queue_comes_to_its_end(tmp_path: Path) -> None:
    """Jobs that a running job submits to its own queue are let in while that drains; others are not."""
    job = await submit(split, str(tmp_path / "flag"), [1, 2, 3])
    elsewhere = await options(delay=0.1).submit(step, 1)
    await until(lambda: is_running(job))
    drained = Queue().drain()
    await until(lambda: is_closed(Queue()))
    with pytest.raises(QueueClosed):
        await submit(step, 4)
    (tmp_path / "flag").touch()
    assert await job == [1, 2, 3]
    await drained
    assert await elsewhere == 1
    with pytest.raises(QueueClosed):
        await submit(step, 4)
    await Queue().open()


async def is_running(job: nbqueue.Job[Any]) -> bool:
    """Whether it has begun."""
    return await job.state() is State.RUNNING


async def is_closed(queue: Queue) -> bool:
    """Whether it takes no more jobs."""
    return (await queue.stats()).drained


async def test_waiting_jobs_are_cleared_away() -> None:
    """`clear` forgets jobs by state and age; what runs goes on."""
    later = [await options(delay=60).submit(step, number) for number in range(3)]
    assert {job.id for job in await Queue().jobs("scheduled")} == {job.id for job in later}
    assert await Queue().clear(older_than="1h") == 0
    with pytest.raises(ConfigurationError, match="older_than='soon' is no moment"):
        Queue().clear(older_than="soon")
    assert await Queue().clear() == 3
    assert len(await jobs.where(queue="default", state=("queued", "scheduled"))) == 0
    with pytest.raises(nbqueue.NbqueueError):
        await later[0].info()


async def test_what_failed_for_good_can_be_run_again() -> None:
    """`Queue.dead()` are the jobs that failed; one, some or all of them are retried."""
    group = await submit_map(broken, range(3))
    await group.results(return_errors=True)
    dead = await Queue().dead()
    assert {job.id for job in dead} == set(group.ids)
    assert set((await (await jobs.where(error="ValueError")).frame())["error"]) == {"broken 0", "broken 1", "broken 2"}
    again = await dead[:2].retry()
    assert len(again) == 2
    with pytest.raises(JobFailed, match="broken"):
        await again[0]


async def test_a_limit_counts_what_is_looked_for() -> None:
    """`jobs.where(limit=...)` counts the jobs that all of it is true of, whatever else has ended or waits."""
    await (await submit_map(broken, [1])).results(return_errors=True)
    await (await submit_map(step, range(3))).results()
    await (await submit_map(broken, [2, 3])).results(return_errors=True)
    [found] = await jobs.where(error="broken 1", limit=1)
    assert (await found.info()).error == "broken 1"
    await jobs.pause(function="step")
    held = await submit(step, 4)

    async def is_held() -> bool:
        return (await held.info()).reason is not None

    await until(is_held)
    await options(delay=60).submit_map(step, range(3))
    assert [job.id for job in await jobs.where(state="queued", limit=1)] == [held.id]


async def test_a_job_moves_to_another_queue() -> None:
    """A waiting job goes where another worker looks; it is signed anew for that queue."""
    await Queue("elsewhere").pause()
    job = await options(queue="elsewhere").submit(step, 7)
    await job.move("default")
    assert await job == 7
    for number in range(3):
        await options(queue="elsewhere").submit(step, number)
    assert await Queue("elsewhere").move("default") == 3

    async def all_done() -> bool:
        return (await Queue().stats()).ended.get(State.SUCCEEDED) == 4

    assert await until(all_done)


async def test_errors_are_found_by_class_name_or_message() -> None:
    """`error=` takes the class of an error, its name, or a part of the message; that very class, not those above it."""
    job = await submit(broken, 7)
    with pytest.raises(JobFailed):
        await job
    for error in (ValueError, "ValueError", "ken 7"):
        assert [found.id for found in await jobs.where(error=error, function=broken)] == [job.id]
    assert not await jobs.where(error=Exception, function=broken)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"error": 3}, "error=3 cannot be used: give a class of exceptions, its name, a part of the message, or re."),
        ({"error": re.compile(b"x")}, "error=re.compile(b'x') cannot be used"),
        ({"slower_than": "soon"}, "slower_than='soon' is no duration: give seconds, or text such as 90s, 5min"),
        ({"slower_than": -1}, "slower_than=-1 is out of range"),
        ({"until": "soon"}, "until='soon' is no moment"),
        ({"args": 3}, "args=3 cannot be used: give a function that takes the arguments of a job"),
        ({"error": ValueError("x")}, "error=ValueError('x') cannot be used"),
        ({"function": 3}, "function=3 cannot be used: give the function, or its qualified name."),
        ({"queue": 3}, "queue=3 cannot be used"),
        ({"tag": ["a"]}, "tag=['a'] cannot be used: give the text of one tag."),
        ({"state": 3}, "state=3 cannot be used: give one or several of scheduled"),
        ({"limit": "5"}, "limit='5' cannot be used: give a whole number from 1 up."),
    ],
)
async def test_what_cannot_be_looked_for_is_refused(given: dict[str, Any], said: str) -> None:
    """By the jobs that are looked for, and by the history, which has `states` and no errors."""
    with pytest.raises(ConfigurationError) as refused:
        await jobs.where(**given)
    assert str(refused.value).startswith(said)
    if not {"error", "slower_than", "until", "args"} & given.keys():
        if "state" in given:
            given, said = {"states": given["state"]}, "states=3 is not known: give some of cancelled"
        with pytest.raises(ConfigurationError) as refused:
            await nbqueue.history(**given)
        assert str(refused.value).startswith(said)


async def test_the_history_takes_a_function() -> None:
    """As itself, or by its qualified name."""
    await (await submit(step, 1))
    await (await submit(abs, -1))
    assert [len(await nbqueue.history(function=name)) for name in (step, "step", abs)] == [1, 1, 1]


async def test_jobs_are_forgotten() -> None:
    """`delete` leaves nothing of a job but its lines in the history."""
    job = await submit(step, 1)
    await job
    assert await job.delete() == "deleted"
    with pytest.raises(nbqueue.JobLost):
        await job.info()
    assert job.id in set((await nbqueue.history())["job"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tag": 5}, "tag=5 cannot be used: give the text of one tag."),
        ({"group": 5}, r"group=5 cannot be used: give the id of a group, as in group=group\.id\."),
        ({"function": 5}, "function=5 cannot be used"),
        ({}, "Give one of function=, tag= and group="),
    ],
)
async def test_what_cannot_be_paused_is_refused(given: dict[str, Any], said: str) -> None:
    """Nothing is held back by it, and the same goes for a resume."""
    for act in (jobs.pause, jobs.resume):
        with pytest.raises(ConfigurationError, match=said):
            act(**given)
    assert await jobs.paused() == []


async def test_a_job_that_never_ran_is_found_by_its_tag() -> None:
    """However it ended, `jobs.where` and `history` find it by its tag, with its label and priority."""

    def marked(**given: Any) -> Any:
        return options(tags=["mine"], label="marked", priority=7, **given)

    unknown = await marked().submit("no-such-function")
    with pytest.raises(JobFailed, match="no-such-function"):
        await unknown
    orphan = await marked(after=[unknown]).submit(step, 1)
    skipped = await marked(after=[unknown], on_parent_failure="skip").submit(step, 2)
    await Queue("held").pause()
    expired = await marked(expires=0.05, queue="held").submit(step, 3)
    stopped = await marked(delay=60).submit(step, 4)
    await stopped.cancel()
    first = await marked(debounce=60).submit(step, 5)
    await (await marked(debounce=60).submit(step, 5)).cancel()
    for job in (orphan, skipped, expired):
        with pytest.raises(nbqueue.JobError):
            await job

    found = await jobs.where(tag="mine")
    assert {unknown.id, orphan.id, skipped.id, expired.id, stopped.id, first.id} < {job.id for job in found}
    df = await nbqueue.history(tag="mine")
    assert set(df["job"]) == {job.id for job in found}
    assert set(df["tags"]) == {("mine",)}
    assert (set(df["label"]), set(df["priority"])) == ({"marked"}, {7})
    assert not len(await jobs.where(tag="other"))
