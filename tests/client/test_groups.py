"""Many jobs of one function, from one call."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import pytest

from nbqueue.client.draft import Draft
from nbqueue.client.group import JobGroup
from nbqueue.client.group_live import GroupLive
from nbqueue.client.group_pace import Pace
from nbqueue.client.handle import Job
from nbqueue.client.queue import Queue
from nbqueue.client.selection import jobs
from nbqueue.client.session import session
from nbqueue.client.submitter import options, submit_map
from nbqueue.errors import ConfigurationError, JobCancelled, JobFailed, NotSendable, QueueClosed
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.servers import Server
from tests.waiting import until


def add(left: int, right: int = 0) -> int:
    """The sum."""
    return left + right


async def rest(seconds: float) -> float:
    """Take a while."""
    await asyncio.sleep(seconds)
    return seconds


def _lists_five(live: GroupLive) -> bool:
    return len(live.failures) == 5


def odd(number: int) -> int:
    """Fail for even numbers."""
    if not number % 2:
        raise ValueError(f"{number} is even")
    return number


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
    group = await submit_map(_fail_first, [0.0, 0.4])
    begun = time.monotonic()
    with pytest.raises(JobFailed, match="ValueError: first"):
        await group
    assert time.monotonic() - begun < 0.35
    found = await group.results(return_errors=True)
    assert (type(found[0]), found[1]) == (JobFailed, 0.4)


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
        assert time.monotonic() - begun < 2
        with pytest.raises(JobCancelled):
            await group
        assert await group.progress() == {State.SUCCEEDED: 1, State.CANCELLED: 50}


@pytest.mark.usefixtures("running_engine")
async def test_counts_are_followed_live() -> None:
    """A live group counts its jobs by state, from the first to the last."""
    group = await submit_map(odd, range(20))
    live = group.live()
    seen: list[int] = []

    def ended() -> bool:
        seen.append(live.version)
        return live.counts == {State.SUCCEEDED: 10, State.FAILED: 10}

    await until(ended)
    assert (live.total, live.reconnecting, seen == sorted(seen)) == (20, False, True)
    link = session()._link
    assert link is not None
    await until(lambda: not link.follow._followers)
    live.close()


@pytest.mark.usefixtures("running_engine")
async def test_the_first_failures_are_looked_up() -> None:
    """A live group knows the first five jobs that did not end well, and why; so does one that is shown late."""
    group = await submit_map(odd, range(20))
    live = group.live()
    await group.results(return_errors=True)
    late = JobGroup("", [Job[int](job.id) for job in group], of=session()).live()
    for each in (live, late):
        await until(partial(_lists_five, each))
        assert {record.error_type for record in each.failures} == {"ValueError"}
        assert {record.id for record in each.failures} <= {job.id for job in group}
        each.close()
    assert round(sum(live.rates(datetime.now(UTC))) / 2) == 20


@pytest.mark.usefixtures("running_engine")
async def test_a_group_that_is_shown_late_has_the_pace_it_had() -> None:
    """Ends that came before anybody looked count where they came, and not all at the first look."""
    group = await submit_map(rest, [0.0] * 20 + [1.6])
    live = group.live()
    await until(lambda: live.counts.get(State.SUCCEEDED) == 20)
    during = JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    await group
    after = JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    await until(lambda: live.complete and during.complete and after.complete)
    records = [await job.info() for job in group]
    ended = sorted(record.finished_at for record in records if record.finished_at is not None)
    pace = Pace()
    for at in ended:
        pace.ended(at)
    assert len(pace.rates(ended[-1])) >= 3
    assert [each.rates(ended[-1]) for each in (live, during, after)] == [pace.rates(ended[-1])] * 3


@pytest.mark.usefixtures("running_engine")
async def test_the_times_of_a_group_are_those_of_its_jobs() -> None:
    """A live group knows when its first job began and its last one ended, also where it is shown late, or again."""
    group = await submit_map(rest, [0.3, 0.01, 0.15])
    live = group.live()
    await until(lambda: live.began_at is not None and live.last_end_at is not None)
    assert (live.ended, live.complete) == (False, False)
    await group.results()
    await until(lambda: live.complete)
    assert live.ended
    records = [await job.info() for job in group]
    began, ended = zip(*[(record.started_at, record.finished_at) for record in records], strict=True)
    late, copy = group.live(), JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    assert late.counts == {State.SUCCEEDED: 3}
    await until(lambda: late.complete and copy.complete)
    assert {(each.began_at, each.last_end_at) for each in (live, late, copy)} == {(min(began), max(ended))}


@pytest.mark.usefixtures("running_engine")
async def test_the_times_of_a_large_group_are_looked_up_for_some() -> None:
    """Of many jobs only the first and the last are looked up; what was told meanwhile counts too."""
    group = await submit_map(rest, [*[0.0] * 200, 0.4, *[0.0] * 200])
    live = group.live()
    await group.results()
    await until(lambda: live.complete)
    slow = await group[200].info()
    assert slow.finished_at is not None
    assert live.last_end_at is not None
    assert abs((live.last_end_at - slow.finished_at).total_seconds()) < 0.1


@pytest.mark.usefixtures("running_engine")
async def test_what_was_awaited_is_known_at_once() -> None:
    """Shown after it was awaited, a job or a group needs no answer of the server to be one that has ended."""
    group = await submit_map(add, [1])
    await group
    await group[0]
    live, job_live = group.live(), group[0].live()
    assert (live.counts, job_live.record.state) == ({State.SUCCEEDED: 1}, State.SUCCEEDED)


async def test_an_empty_group_has_no_times() -> None:
    """It is complete from the start."""
    live = (await submit_map(add, [])).live()
    assert (live.complete, live.began_at, live.last_end_at) == (True, None, None)


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
