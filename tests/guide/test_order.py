"""In which order jobs run, and how to change it while they wait."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import nbqueue
from nbqueue import Queue, State, options, submit
from nbqueue.model.settings import Settings
from tests.waiting import until
from tests.workers import running_worker


def write(folder: Path, word: str) -> None:
    """Add a word to a file."""
    with (folder / "words").open("a") as file:
        file.write(f"{word} ")


def words(folder: Path) -> list[str]:
    """The words so far."""
    path = folder / "words"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


@pytest.mark.needs_processes("workers apart")
async def test_queues_have_shares(settings: Settings, tmp_path: Path) -> None:
    """`nbqueue worker --queues critical=3,low=1` gives three turns to one queue and one to the other."""
    for queue in ("low", "critical"):
        await options(queue=queue).submit_map(write, [tmp_path] * 40, [queue] * 40)
    with running_worker(settings, "--queues", "critical=3,low=1", "--slots", "1"):
        await until(lambda: len(words(tmp_path)) >= 40, 20)
    assert 27 <= words(tmp_path)[:40].count("critical") <= 33


@pytest.mark.needs_processes("workers apart")
async def test_or_strictly_one_after_the_other(settings: Settings, tmp_path: Path) -> None:
    """With `--strict` a queue has its turn when those before it are empty."""
    for queue in ("low", "critical"):
        await options(queue=queue).submit_map(write, [tmp_path] * 20, [queue] * 20)
    with running_worker(settings, "--strict", "--queues", "critical,low", "--slots", "1"):
        await until(lambda: len(words(tmp_path)) == 40, 20)
    assert words(tmp_path) == ["critical"] * 20 + ["low"] * 20


@pytest.mark.needs_processes("workers apart")
async def test_a_queue_may_have_its_own_concurrency(settings: Settings, tmp_path: Path) -> None:
    """`--queue-concurrency messages=1` runs one job of that queue at a time, whatever the worker has room for."""

    async def alone(folder: Path) -> int:
        import asyncio

        mine = folder / "running"
        mine.mkdir()  # an error where another one runs
        await asyncio.sleep(0.02)
        mine.rmdir()
        return 1

    group = await options(queue="messages").submit_map(alone, [tmp_path] * 10)
    with running_worker(settings, "--queues", "messages", "--queue-concurrency", "messages=1"):
        assert await group == [1] * 10


@pytest.mark.needs_processes("workers apart")
async def test_a_worker_says_what_it_offers(settings: Settings) -> None:
    """`--resources gpu=1,memory_gb=8` is announced with the worker."""
    with running_worker(settings, "--queues", "solvers", "--resources", "gpu=1,memory_gb=8"):
        [engine] = await Queue("solvers").workers()
        assert engine.resources == {"gpu": 1, "memory_gb": 8}


async def test_a_waiting_job_is_promoted() -> None:
    """`promote` cuts a delay short; what runs or has ended is left alone, and the answer says so."""
    job = await options(delay=3600).submit(str.upper, "now")
    assert await job.promote() == "changed"
    assert await job == "NOW"
    assert await job.promote() == "already finished"


async def test_a_waiting_job_is_rescheduled() -> None:
    """`reschedule` puts it off, or brings it forward."""
    await Queue("held").pause()
    job = await options(queue="held").submit(str.upper, "later")
    assert await job.reschedule(at=datetime.now(UTC) + timedelta(hours=1)) == "changed"
    assert await job.state() is State.SCHEDULED
    assert await job.reschedule(delay=0) == "changed"
    assert await job.state() is State.QUEUED


@pytest.mark.needs_processes("workers apart")
async def test_a_waiting_job_gets_another_priority(settings: Settings, tmp_path: Path) -> None:
    """`set_priority` moves it before those that are less urgent."""
    for word in ("first", "second"):
        await options(queue="slow").submit(write, tmp_path, word)
    urgent = await options(queue="slow").submit(write, tmp_path, "urgent")
    assert await urgent.set_priority("high") == "changed"
    with running_worker(settings, "--queues", "slow", "--slots", "1"):
        await until(lambda: len(words(tmp_path)) == 3, 20)
    assert words(tmp_path) == ["urgent", "first", "second"]


async def test_many_jobs_are_changed_at_once() -> None:
    """Groups and selections have the same verbs; they answer how many had which answer."""
    done = await submit(str.upper, "done")
    await done
    group = await options(delay=3600).submit_map(str.upper, ["a", "b"])
    assert await group.set_priority(-5) == {"changed": 2}
    assert await group.reschedule(delay=7200) == {"changed": 2}
    assert await (await nbqueue.attach()).promote() == {"changed": 2, "already finished": 1}
    assert await group == ["A", "B"]
