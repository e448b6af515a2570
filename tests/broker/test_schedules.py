"""Schedules in the server: who may take a turn, what a stale one may not do, what is kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import ResponseError

from nbqueue.broker import jobs, owners, schedules, scripts
from nbqueue.broker.envelope import peek
from nbqueue.broker.scheduled_calls import ScheduledCall, job_id
from nbqueue.model.schedule import ScheduleState, Turn
from nbqueue.model.times import Cron, Every
from nbqueue.worker.scheduler import Scheduler
from tests.broker.kept_schedules import HEADER, KEYS, NAME, RING, KeptSchedules, call, turns


async def test_one_takes_a_turn_and_others_find_nothing(kept: KeptSchedules) -> None:
    """Who asks second is told when to ask again; who died with a turn loses it to the next."""
    await kept.keep(Every(60))
    first, second = await kept.take(hold_s=0.05), await kept.take()
    assert (first.name, second.name) == (NAME, "")
    assert second.due is not None
    assert timedelta(0) < second.due - first.now <= timedelta(seconds=0.05)

    third = second
    async with asyncio.timeout(5):
        while not third.name:
            third = await kept.take()
    assert third.turn == first.turn + 1
    assert not await kept.advance(first, Turn(next_at=first.now + timedelta(1)))
    assert await kept.advance(third, Turn(next_at=first.now + timedelta(1)))
    assert (await kept.record()).next_at == first.now + timedelta(1)


async def test_nothing_is_due_where_there_is_nothing(kept: KeptSchedules) -> None:
    """The one small question that idle engines ask."""
    found = await kept.take()
    assert (found.name, found.due) == ("", None)
    assert abs(found.now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_turn_makes_the_job_of_a_time(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """Its id is made of name and time, its header is that of whoever scheduled it, and the next time is known."""
    await kept.keep(Every(60), queue="default", priority=5, tags=["schedule:nightly"])
    due = (await kept.record()).next_at
    assert await scheduler.take_turn() == 0.0
    record = await kept.record()
    assert await kept.job_ids() == [job_id(NAME, due)]
    [job] = await jobs.records(kept.client, KEYS, await kept.job_ids())
    assert job is not None
    assert (job.function, job.priority, job.tags) == ("f", 5, ("schedule:nightly",))
    header = peek(await jobs.submission(kept.client, KEYS, job.id) or b"")
    assert header == {**HEADER, "id": job.id, "schedule": NAME}
    assert (record.runs, record.last_job, record.last_at) == (1, job.id, due)
    assert record.next_at == due + timedelta(seconds=60)
    assert await owners.owned(kept.client, KEYS, jobs.Origin(user="ann")) == [job.id]


async def test_who_takes_over_a_turn_repeats_nothing(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """An engine died after it had submitted the job: the next one submits it again, in vain, and goes on."""
    await kept.keep(Every(60))
    due = (await kept.record()).next_at
    await kept.take(hold_s=0)
    await call(Every(60)).submit(kept.client, KEYS, RING, [job_id(NAME, due)])
    await turns(scheduler, kept.record, lambda record: record.runs == 1)
    assert await kept.job_ids() == [job_id(NAME, due)]


async def test_the_same_times_go_on_where_they_are(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """Scheduled again with another call: counted on, paused as before; its old call is gone from the server."""
    assert not await kept.keep(Every(60, count=9))
    await scheduler.take_turn()
    before = await kept.record()
    assert await kept.keep(Every(60, count=9), revision="r2", payload=b"other", due_in_s=99)
    assert await kept.record() == before
    assert await schedules.call(kept.client, KEYS, NAME, "r1") is None
    assert ScheduledCall.opened(
        RING, KEYS, NAME, "f", await schedules.call(kept.client, KEYS, NAME, "r2") or b""
    ).payload == b"other"  # fmt: skip
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "pause"))
    await kept.keep(Every(60, count=9), revision="r3")
    assert (await kept.record()).state is ScheduleState.PAUSED
    assert (await kept.take()).name == ""


async def test_other_times_begin_anew(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """Counted from nothing, due when the new times say; a turn at the old ones is refused."""
    await kept.keep(Every(60))
    await scheduler.take_turn()
    await kept.client.zadd(KEYS.schedules, {NAME: 1})
    taken = await kept.take()
    await kept.keep(Cron("@daily"), revision="r2", due_in_s=99)
    record = await kept.record()
    assert (record.runs, record.times) == (0, Cron("@daily", name=NAME))
    assert not await kept.advance(taken, Turn())
    assert (await kept.record()) == record
    assert (await kept.take()).due == record.next_at


async def test_an_answer_that_was_lost_is_given_again(kept: KeptSchedules) -> None:
    """Keeping the same revision twice changes nothing, and tells what was told the first time."""
    assert not await kept.keep(Every(60))
    before = await kept.client.hgetall(KEYS.schedule(NAME))
    assert not await kept.keep(Every(60), due_in_s=77)
    assert await kept.client.hgetall(KEYS.schedule(NAME)) == before
    with pytest.raises(ResponseError, match="GONE the call of schedule nightly was removed on its way"):
        await scripts.run(
            kept.client,
            schedules.keep(
                KEYS, name=NAME, revision="never-sent", function="f", queue="q", times=Every(60),
                since=datetime.now(UTC), next_at=None,
            ),
        )  # fmt: skip


async def test_what_is_paused_is_not_taken(kept: KeptSchedules) -> None:
    """Also where it is paused in the middle of a turn; resumed, it is due when it is said to be."""
    await kept.keep(Every(60))
    taken = await kept.take()
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "pause"))
    assert not await kept.advance(taken, Turn(next_at=taken.now))
    assert (await kept.take()).due is None
    at = taken.now + timedelta(hours=1)
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "resume", next_at=at))
    assert ((await kept.record()).state, (await kept.take()).due) == (ScheduleState.ACTIVE, at)
    # not paused any more: resuming it again changes nothing
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "resume", next_at=at + timedelta(1)))
    assert (await kept.take()).due == at


async def test_what_has_ended_stays_visible(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """After its last run nothing is due, and resuming brings nothing back."""
    await kept.keep(Every(60, count=1))
    await scheduler.take_turn()
    assert (await kept.record()).state is ScheduleState.ENDED
    assert (await kept.take()).due is None
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "pause"))
    await scripts.run(kept.client, schedules.amend(KEYS, NAME, "resume", next_at=datetime.now(UTC)))
    assert ((await kept.record()).state, (await kept.take()).due) == (ScheduleState.ENDED, None)


async def test_deleted_is_gone(kept: KeptSchedules) -> None:
    """With its call; twice is told."""
    await kept.keep(Every(60))
    assert await scripts.run(kept.client, schedules.drop(KEYS, NAME))
    assert not await scripts.run(kept.client, schedules.drop(KEYS, NAME))
    assert not await scripts.run(kept.client, schedules.amend(KEYS, NAME, "pause"))
    assert await kept.client.keys("*") == []
    assert await schedules.stored(kept.client, KEYS, [NAME]) == [None]


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
async def test_a_time_while_the_last_job_lives(kept: KeptSchedules, scheduler: Scheduler, overlap: Any) -> None:
    """The last job, which waits for a worker here, keeps the next time off, holds it up, gives way, or neither."""
    await kept.keep(Every(60, overlap=overlap))
    await scheduler.take_turn()
    [first] = await kept.job_ids()
    due = (await kept.record()).last_at - timedelta(milliseconds=500)
    # as if the same schedule had been made half a second earlier
    since = round(due.timestamp() * 1000) - 60_000
    await kept.client.hset(KEYS.schedule(NAME), mapping={"next": since + 60_000, "since": since})
    await kept.client.zadd(KEYS.schedules, {NAME: 1})
    await scheduler.take_turn()
    second = job_id(NAME, due)
    waiting = {"skip": [first], "queue": [first], "cancel": [second], "allow": sorted([first, second])}[overlap]
    record = await kept.record()
    assert await kept.job_ids() == waiting
    assert (record.skipped, record.waiting) == {"skip": (1, 0), "queue": (0, 1)}.get(overlap, (0, 0))
    if overlap == "queue":
        await scripts.run(kept.client, jobs.cancel(KEYS, [first]))
        await turns(scheduler, kept.record, lambda record: not record.waiting)
        assert await kept.job_ids() == [second]


async def test_a_large_call_goes_past_the_scripts(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """Two megabytes travel by plain commands, to the server and into each job; a turn at it is longer."""
    await kept.keep(Every(60), payload=b"x" * 2_000_000)
    taken = await kept.take(hold_s=0)
    await schedules.hold(kept.client, KEYS, taken)
    due = (await kept.take()).due
    assert due is not None
    assert timedelta(seconds=4) <= due - taken.now <= timedelta(seconds=5)
    await kept.client.zadd(KEYS.schedules, {NAME: 1})
    await scheduler.take_turn()
    [found] = await kept.job_ids()
    assert len(await jobs.submission(kept.client, KEYS, found) or b"") > 2_000_000
