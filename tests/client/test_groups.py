"""Many jobs of one function, from one call."""

import asyncio
import threading
import time
from itertools import count
from typing import Any

import pytest

from nbqueue.client.draft import Draft
from nbqueue.client.known import jobs
from nbqueue.client.queue import Queue
from nbqueue.client.submitter import options, submit_map
from nbqueue.errors import ConfigurationError, JobCancelled, JobFailed, NotSendable, QueueClosed
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.servers import Server
from tests.waiting import SLACK, until


def add(left: int, right: int = 0) -> int:
    """The sum."""
    return left + right


async def rest(seconds: float) -> float:
    """Take a while."""
    await asyncio.sleep(seconds)
    return seconds


async def test_no_half_group_stays(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """A submit that is refused half-way says how many were accepted, and cancels these."""
    sealed, number = Draft.sealed, count()

    def close_meanwhile(draft: Draft, *more: Any) -> bytes:
        if next(number) == 1000:
            with server.client() as client:
                client.sadd("nbq:closed", "default")
        return sealed(draft, *more)

    monkeypatch.setattr(Draft, "sealed", close_meanwhile)
    with pytest.raises(QueueClosed, match=r"^[0-9,]+ of 1,700 jobs were accepted before this, and are cancelled now: "):
        await submit_map(add, range(1700))
    found = await jobs.where(limit=1700)
    assert {record.state for record in found.records} == {State.CANCELLED}
    assert len(found) in {500, 1000}
    await Queue().open()


@pytest.mark.usefixtures("running_engine")
async def test_results_come_in_order() -> None:
    """Items are paired as by map, and results stand in the order of the items."""
    group = await submit_map(add, range(1200), range(1000, 3000))
    assert (len(group), await group) == (1200, [1000 + 2 * number for number in range(1200)])
    assert await group == await group.results()
    assert await group[7] == 1014
    assert await group.progress() == {State.SUCCEEDED: 1200}


@pytest.mark.usefixtures("running_engine")
def test_sync_code_has_groups_too() -> None:
    """A group is waited for, and iterated as it completes, without a loop."""
    group = submit_map(rest, [0.3, 0.01, 0.15]).wait()
    assert [job.wait() for job in group.as_completed()] == [0.01, 0.15, 0.3]
    assert group.wait(5) == [0.3, 0.01, 0.15]


@pytest.mark.usefixtures("running_engine")
async def test_jobs_come_as_they_complete() -> None:
    """`as_completed` gives each job once it has ended; its result is there at once."""
    group = await submit_map(rest, [0.3, 0.01, 0.15])
    found = [job async for job in group.as_completed()]
    assert [job.id for job in found] == [group[1].id, group[2].id, group[0].id]
    assert [job async for job in group.as_completed()] == found


@pytest.mark.usefixtures("running_engine")
async def test_the_first_error_ends_the_wait() -> None:
    """As with gather, an error ends the wait at once, and the others go on."""
    group = await submit_map(_fail_first, [0.0, 1.5])
    with pytest.raises(JobFailed, match="ValueError: first"):
        await group
    assert await group[1].state() is State.RUNNING
    found = await group.results(return_errors=True)
    assert (type(found[0]), found[1]) == (JobFailed, 1.5)


async def _fail_first(seconds: float) -> float:
    if not seconds:
        raise ValueError("first")
    await asyncio.sleep(seconds)
    return seconds


async def test_nothing_is_sent_where_one_item_cannot_be(server: Server) -> None:
    """An item that cannot travel raises at the call, and no job was submitted."""
    with pytest.raises(NotSendable):
        submit_map(add, [1, 2, threading.Lock()])
    with pytest.raises(ConfigurationError, match="job_id"):
        options(job_id="mine").submit_map(add, [1])
    with server.client() as client:
        assert client.keys("*job*") == []


async def test_an_empty_group_is_done() -> None:
    """No items, no jobs, an empty list."""
    group = await submit_map(add, [])
    assert (await group, [job async for job in group.as_completed()]) == ([], [])


async def test_a_group_is_cancelled_as_one(settings: Settings) -> None:
    """What waits is cancelled at once, what runs is stopped, what has ended stays."""
    from tests.client.engine_stub import engine

    with engine(settings, room=3):
        group = await submit_map(rest, [0.0] + [30.0] * 50)
        live = group.live()
        await until(lambda: live.counts.get(State.SUCCEEDED) == 1 and live.counts.get(State.RUNNING) == 3)
        live.close()
        begun = time.monotonic()
        answers = await group.cancel()
        assert answers == {"already finished": 1, "cancelled": 50}
        assert time.monotonic() - begun < 2 * SLACK
        with pytest.raises(JobCancelled):
            await group
        assert await group.progress() == {State.SUCCEEDED: 1, State.CANCELLED: 50}


@pytest.mark.slow
async def test_a_group_of_ten_thousand_is_cheap(running_engine: Engine) -> None:
    """Ten thousand jobs are submitted in a second or two without blocking the portal; one watch awaits them."""
    group = await submit_map(add, range(10_000))
    assert sum(await group) == sum(range(10_000))
    assert len(running_engine.ran) == 10_000


def test_a_wait_in_vain_says_that_no_worker_serves_the_queue() -> None:
    """Whoever waited long enough learns what a job or a group lacks."""
    elsewhere = options(queue="nobody")
    lonely, group = elsewhere.submit(len, "").wait(), elsewhere.submit_map(len, ["", ""]).wait()
    for wait in (lonely.wait, group.wait):
        with pytest.raises(TimeoutError, match=r'it goes on\. No worker serves queue "nobody": start one with nbqueue'):
            wait(0.5)
