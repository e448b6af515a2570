"""Jobs that submit jobs: a contract is split into messages, waits for them, and gives its slot to them meanwhile."""

import asyncio
import time
from pathlib import Path

import pytest

import nbqueue
from nbqueue import (
    JobCancelled,
    JobFailed,
    NotInJob,
    State,
    checkpoint,
    last_checkpoint,
    options,
    run,
    submit,
    submit_map,
)
from nbqueue.model.settings import Settings
from tests.waiting import until
from tests.workers import running_worker


def score(message: int) -> int:
    """One message of a contract."""
    return message * message


async def fetch(message: int) -> int:
    """The same as a coroutine."""
    await asyncio.sleep(0)
    return message * message


def contract(messages: int) -> int:
    """A sync function waits with `.wait()`."""
    return sum(submit_map(score, range(messages)).wait().wait())


async def contract_async(messages: int) -> int:
    """A coroutine function awaits."""
    return sum(await (await submit_map(fetch, range(messages))))


async def test_a_job_splits_into_jobs() -> None:
    """`submit_map` inside a job makes jobs like any other, and waiting for them is what it is outside."""
    assert await run(contract, 10) == 285
    assert await run(contract_async, 10) == 285


async def test_its_progress_is_theirs() -> None:
    """A job that waits for a group shows how many of it have ended, unless it reports progress itself."""

    def reports() -> int:
        group = submit_map(score, range(4)).wait()
        nbqueue.progress(1, 2, "halfway")
        return sum(group.wait())

    split, own = await submit(contract, 10), await submit(reports)
    assert (await split, await own) == (285, 14)
    assert ((await split.info()).progress.done, (await split.info()).progress.total) == (10, 10)
    assert ((await own.info()).progress.done, (await own.info()).progress.total) == (1, 2)


@pytest.mark.needs_processes("workers apart")
async def test_one_slot_is_enough(settings: Settings) -> None:
    """A job that waits gives its slot back, however deep: with one slot nothing waits for itself."""

    def countdown(number: int) -> list[int]:
        return [number, *(run(countdown, number - 1).wait() if number else [])]

    with running_worker(settings, "--slots", "1", "--concurrency", "1", "--queues", "narrow"):

        def narrow(number: int) -> list[int]:
            return [number, *(options(queue="narrow").run(narrow, number - 1).wait() if number else [])]

        assert await options(queue="narrow").run(narrow, 3) == [3, 2, 1, 0]
    assert await run(countdown, 3) == [3, 2, 1, 0]


async def test_handles_do_inside_what_they_do_outside() -> None:
    """States, infos, cancels, retries and `attach` work in a job."""

    async def looks() -> dict[str, object]:
        late = await options(delay=100, tags=["late"], label="later").submit(score, 3)
        info, found = await late.info(), await nbqueue.attach(late.id)
        cancelled = await found.cancel()
        again, missing = await late.retry(), ""
        try:
            await nbqueue.attach("nowhere")
        except nbqueue.JobLost as lost:
            missing = lost.job_id
        group = await submit_map(score, [1, 2])
        seen = {await job async for job in group.as_completed()}
        return {
            "info": (info.label, info.tags, info.state), "cancelled": cancelled, "state": await late.state(),
            "again": await again, "seen": seen, "missing": missing, "progress": await group.progress(),
        }  # fmt: skip

    assert await run(looks) == {
        "info": ("later", ("late",), State.SCHEDULED), "cancelled": "cancelled", "state": State.CANCELLED,
        "again": 9, "seen": {1, 4}, "missing": "nowhere", "progress": {State.SUCCEEDED: 2},
    }  # fmt: skip


async def test_a_retry_inside_is_one_outside(tmp_path: Path) -> None:
    """It starts from the last checkpoint, and takes the results of what has been retried since."""
    mended = tmp_path / "mended"

    def parent() -> int:
        if not mended.exists():
            raise RuntimeError("not yet")
        return 20

    def child(taken: int) -> int:
        return taken + 1

    def steps() -> int:
        done: int = last_checkpoint(0) + 1
        checkpoint(done)
        if done < 3:
            raise RuntimeError("not done")
        return done

    async def retries() -> tuple[int, int]:
        first = await submit(parent)
        second, third = await submit(child, first.output), await submit(steps)
        for _ in range(2):
            with pytest.raises(JobFailed, match="not done"):
                await third
            third = await third.retry()
        with pytest.raises(JobFailed, match="not yet"):
            await second
        mended.touch()
        await (await first.retry())
        return await (await second.retry()), await third

    assert await run(retries) == (21, 3)


async def test_an_error_of_a_job_inside() -> None:
    """It is raised where the result is waited for, and can be handled there; unhandled, it fails the outer job too."""

    def divide(number: int) -> float:
        return 1 / number

    def handles() -> str:
        try:
            return str(run(divide, 0).wait())
        except JobFailed as error:
            return f"{error}, from {type(error.__cause__).__name__}"

    def does_not() -> float:
        return run(divide, 0).wait()

    assert await run(handles) == "ZeroDivisionError: division by zero, from ZeroDivisionError"
    with pytest.raises(JobFailed, match="JobFailed: ZeroDivisionError: division by zero"):
        await run(does_not)


async def test_jobs_of_jobs_are_found_by_whoever_finds_the_job() -> None:
    """`attach()` of the notebook gives them too, whichever folder the worker runs in."""

    def leaves() -> str:
        return submit(score, 2).wait().id

    inner = await run(leaves)
    assert inner in [job.id for job in await nbqueue.attach()]
    assert await (await nbqueue.attach(inner)) == 4


async def test_what_is_submitted_and_not_awaited_runs_too(tmp_path: Path) -> None:
    """A job may end before what it submitted; nothing of that is lost."""
    marks = [str(tmp_path / name) for name in "abc"]

    def leaves() -> None:
        for mark in marks:
            submit(Path.touch, Path(mark))

    await run(leaves)
    await until(lambda: all(Path(mark).exists() for mark in marks))


@pytest.mark.needs_processes("stopping")
async def test_cancelling_a_job_cancels_its_jobs(tmp_path: Path) -> None:
    """A cancel reaches what the job has submitted and is not over; a job that just ends leaves its jobs alone."""
    mark = tmp_path / "began"

    def sleeps() -> None:
        mark.touch()
        time.sleep(60)

    def waits() -> None:
        run(sleeps).wait()

    job = await submit(waits)
    await until(mark.exists, 20)
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled):
        await job

    [inner] = [found for found in await nbqueue.attach() if found.id != job.id]
    with pytest.raises(JobCancelled):
        await inner


async def test_a_loop_that_others_need_is_not_blocked() -> None:
    """A coroutine awaits; `.wait()` in it is refused at once, and works in a thread."""

    async def blocks() -> str:
        try:
            return str(run(score, 3).wait())
        except NotInJob as refused:
            return str(refused)

    async def waits_in_a_thread() -> int:
        return await asyncio.to_thread(lambda: run(score, 3).wait())

    assert "await it instead" in await run(blocks)
    assert await run(waits_in_a_thread) == 9


async def test_what_takes_a_connection_is_asked_for_outside() -> None:
    """A job has neither key nor connection: logs, listings and queues are for the notebook, says a sentence."""

    async def asks() -> list[str]:
        said = []
        job = await submit(score, 1)
        for verb in (job.logs, nbqueue.Queue("default").stats, nbqueue.attach, nbqueue.history):
            try:
                await verb()
            except NotInJob as refused:
                said.append(str(refused))
        return said

    said = await run(asks)
    assert len(said) == 4
    assert all("Ask for the rest from the notebook" in each for each in said)


async def test_jobs_inside_take_results_of_one_another() -> None:
    """A job is an argument of another one inside too; so are `after=` and options that other jobs know."""

    async def chain() -> list[int]:
        first = await submit(score, 3)
        group = await submit_map(score, [1, 2])
        last = await options(after=[group]).submit(score, first.output)
        return [await last, await (await submit(sum, group.output))]

    assert await run(chain) == [81, 5]
