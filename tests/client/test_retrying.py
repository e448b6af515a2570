"""Retrying many jobs at once, and moving those that can be."""

import asyncio
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from nbqueue.broker.keys import Keys
from nbqueue.client.group_live import GroupLive
from nbqueue.client.handle import Job
from nbqueue.client.known import jobs
from nbqueue.client.queue import Queue
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.errors import JobError, JobFailed, JobLost
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.servers import Server
from tests.waiting import until
from tests.workers import Worker, running_worker

BY_HAND = b'{"function": "odd", "args": [1]}'


def odd(number: int) -> int:
    """Fail for even numbers."""
    if not number % 2:
        raise ValueError(f"{number} is even")
    return number


def mended(number: int, flag: str) -> int:
    """Fail for even numbers before the flag is there."""
    return number if Path(flag).exists() else odd(number)


def sized(data: bytes) -> None:
    """Fail with its length."""
    raise ValueError(len(data))


def _count(server: Server) -> int:
    """How many jobs there are."""
    with server.client() as client:
        return len(client.keys("nbq:job:*"))


def _is_complete(live: GroupLive) -> bool:
    return live.complete


@pytest.fixture
def worker(configured: Settings) -> Iterator[Worker]:
    """A worker, which keeps the calls of what fails."""
    with running_worker(configured, "--slots", "1") as worker:
        yield worker


@pytest.mark.usefixtures("worker")
async def test_what_cannot_be_retried_stops_no_other(server: Server) -> None:
    """`retry` of a selection makes a new job of each that it can; `.refused` has the others with the reason."""
    group = await submit_map(odd, range(6))
    await group.results(return_errors=True)
    lost, forged = group.ids[0], group.ids[2]
    with server.client() as client:
        client.delete(Keys().submission(lost))
        client.set(Keys().submission(forged), BY_HAND, px=60_000)
    dead = await Queue().dead()
    again = await dead.retry()
    assert [record.retry_of for record in again.records] == [group.ids[4]]
    assert set(again.refused) == {lost, forged}
    assert "are kept no longer" in again.refused[lost]
    assert "2 jobs could not be retried: see .refused" in repr(again)


async def test_a_retry_keeps_what_was_given(worker: Worker) -> None:
    """Also how long it may wait for its start."""
    job = await options(expires=60, tags=["night"]).submit(odd, 2)
    with pytest.raises(JobError):
        await job
    worker.kill()
    again = await (await jobs.where(tag="night")).retry()
    record = again.records[0]
    assert (record.expires_s, record.tags, record.retry_of) == (60.0, ("night",), job.id)


async def test_what_was_retried_is_a_group_again(running_engine: Engine) -> None:
    """The server counts the new jobs of `retry_failed`; what is held back or let go are all of its jobs."""
    group = await submit_map(odd, range(4))
    await group.results(return_errors=True)
    running_engine.stop()
    again = await group.retry_failed()
    assert again.id != group.id
    assert {(await again[place].info()).group for place in (0, 2)} == {again.id}
    assert await again.progress() == {State.SUCCEEDED: 2, State.QUEUED: 2}
    after = await options(after=[again.id], on_parent_failure="run").submit(odd, 1)
    await again.pause()
    assert await jobs.paused() == sorted(f"g:{name}" for name in (group.id, again.id))
    await again.resume()
    assert await jobs.paused() == []
    await again.cancel()
    assert (await after.info()).reason is None
    assert await (await submit_map(odd, [1])).retry_failed() is not None


@pytest.mark.usefixtures("running_engine")
async def test_nothing_failed() -> None:
    """Where all went well `retry_failed` gives the group itself."""
    group = await submit_map(odd, [1, 3])
    assert await group == [1, 3]
    assert await group.retry_failed() is group


@pytest.mark.usefixtures("running_engine")
async def test_a_group_is_retried_whole_or_not() -> None:
    """Where a job of it is not known any more, none is submitted."""
    group = await submit_map(odd, [2, 4])
    await group.results(return_errors=True)
    await group[0].delete()
    again = await group.retry_failed()
    assert (again[0].id, again[1].id == group[1].id) == (group[0].id, False)


async def test_what_is_not_ours_is_not_moved(server: Server) -> None:
    """A submission that nobody of ours signed stays where it is; the others of the queue go."""
    ours, forged = [await submit(odd, number) for number in (1, 3)]
    with server.client() as client:
        client.set(Keys().submission(forged.id), BY_HAND)
    with pytest.raises(JobError, match="it was not signed by a holder of our key"):
        await forged.move("night")
    assert await Queue().move("night") == 1
    assert ((await ours.info()).queue, (await forged.info()).queue) == ("night", "default")


@pytest.mark.usefixtures("running_engine")
async def test_what_was_retried_is_not_retried_once_more(tmp_path: Path, server: Server) -> None:
    """A second `retry_failed` of a group takes the retries that went well or run; the others run again from there."""
    flag = tmp_path / "mended"
    group = await submit_map(mended, [1, 2, 3, 4], [str(flag)] * 4)
    await group.results(return_errors=True)
    assert await group.newest() is group
    first = await group.retry_failed()
    await first.results(return_errors=True)
    found = await group.newest()
    assert (found.id, found.ids, _count(server)) == (first.id, first.ids, 6)
    flag.touch()
    second = await group.retry_failed()
    assert await second == [1, 2, 3, 4]
    assert [(await second[place].info()).retry_of for place in (1, 3)] == [first.ids[1], first.ids[3]]
    for again in (await group.retry_failed(), await first.retry_failed(), await group.newest()):
        assert (again.id, again.ids, await again) == (second.id, second.ids, [1, 2, 3, 4])
    assert _count(server) == 8


@pytest.mark.usefixtures("running_engine")
async def test_the_newest_of_a_job_is_its_last_retry() -> None:
    """By any of the handles; of a job that was not retried it is itself."""
    job = await submit(odd, 2)
    with pytest.raises(JobError):
        await job
    assert await job.newest() is job
    first = await job.retry()
    with pytest.raises(JobError):
        await first
    second = await first.retry()
    assert [(await each.newest()).id for each in (job, first, second)] == [second.id] * 3
    with pytest.raises(JobLost):
        await Job[int]("nobody").newest()


@pytest.mark.usefixtures("running_engine")
async def test_one_job_of_a_group_that_was_retried_alone_has_its_place() -> None:
    """The group keeps its id, and only the others are run again."""
    group = await submit_map(odd, [2, 4])
    await group.results(return_errors=True)
    alone = await group[0].retry()
    found = await group.newest()
    assert (found.id, found.ids) == (group.id, (alone.id, group.ids[1]))
    live = group.live()
    await until(lambda: live.complete)
    assert live.retried_by == ""


@pytest.mark.usefixtures("running_engine")
async def test_the_time_of_a_retry_begins_with_it(tmp_path: Path) -> None:
    """The pause between the end of a group and its retry is no part of its time, and its pace is that of new jobs."""
    flag = tmp_path / "mended"
    group = await submit_map(mended, range(6), [str(flag)] * 6)
    await group.results(return_errors=True)
    before = group.live()
    await until(lambda: before.complete)
    # the pause
    await asyncio.sleep(1)
    flag.touch()
    again = await group.retry_failed()
    for live in (again.live(), (await group.newest()).live()):
        assert (live.total, live.before, live.counts[State.SUCCEEDED] >= 3) == (6, 3, True)
        await until(partial(_is_complete, live))
        records = [await again[place].info() for place in (0, 2, 4)]
        assert live.began_at == min(record.started_at for record in records if record.started_at)
        assert live.last_end_at == max(record.finished_at for record in records if record.finished_at)
        assert round(sum(live.rates(live.last_end_at)) / 2) == 3
        assert live.counts == {State.SUCCEEDED: 6}
    late = group.live()
    await until(lambda: late.complete)
    assert (late.retried_by, before.retried_by) == (again.id, "")


@pytest.mark.usefixtures("worker")
async def test_a_retry_that_was_found_has_the_call_that_its_first_handle_kept() -> None:
    """What is too large to be kept by the server is retried again from the old handle, of a job and of a group."""
    group = await submit_map(sized, [os.urandom(1_500_000), b"x"])
    await group.results(return_errors=True)
    await (await group.retry_failed()).results(return_errors=True)
    again = await group.retry_failed()
    errors = await again.results(return_errors=True)
    assert [str(error) for error in errors] == ["ValueError: 1500000", "ValueError: 1"]
    newest = await group[0].newest()
    assert newest.id == again.ids[0]
    with pytest.raises(JobFailed, match="1500000"):
        await (await newest.retry())
