"""Schedules in the server: who may take a turn, what a stale one may not do, what is kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import ResponseError

from nbqueue.broker import jobs, schedules, scripts
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.envelope import peek
from nbqueue.broker.keys import Keys
from nbqueue.broker.scheduled_calls import ScheduledCall, job_id
from nbqueue.broker.schedules import Taken
from nbqueue.broker.signing import Keyring
from nbqueue.errors import TamperedPayload
from nbqueue.model.options import check
from nbqueue.model.schedule import ScheduleState, Turn
from nbqueue.model.times import Cron, Every, Times
from nbqueue.worker.scheduler import Scheduler
from tests.servers import Server

KEYS = Keys()
RING = Keyring({"ours": b"k" * 32})
NAME = "nightly"
HEADER = {
    "kind": "job", "ns": "", "id": "", "fn": "f", "codec": "pickle", "py": "3.99", "cp": "9", "v": "9",
    "lane": "loop", "queue": "default", "user": "ann",
}  # fmt: skip


class Store:
    """The server as a test speaks to it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def keep(
        self,
        times: Times,
        *,
        revision: str = "r1",
        due_in_s: float = 0.0,
        payload: bytes = b"call",
        **options: Any,
    ) -> bool:
        """Keep a schedule that is due so many seconds from now."""
        made = call(times, payload, **options)
        await schedules.send_call(self.client, KEYS, NAME, revision, made.sealed(RING, KEYS))
        next_at = await schedules.now(self.client) + timedelta(seconds=due_in_s)
        since = next_at - timedelta(seconds=60)
        kept = schedules.keep(
            KEYS, name=NAME, revision=revision, function="f", queue="default", times=times, since=since, next_at=next_at
        )
        return await scripts.run(self.client, kept)

    async def take(self, hold_s: float = 5.0) -> Taken:
        """Take a turn."""
        return await scripts.run(self.client, schedules.take(KEYS, hold_s=hold_s))

    async def advance(self, taken: Taken, done: Turn, **more: Any) -> bool:
        """End a turn."""
        return await scripts.run(self.client, schedules.advance(KEYS, taken, done, **{"look_at": done.next_at, **more}))

    async def record(self) -> Any:
        """What is known of the schedule."""
        [found] = await schedules.stored(self.client, KEYS)
        assert found is not None
        return found.record

    async def job_ids(self) -> list[str]:
        """All jobs of its queue that wait."""
        return sorted(item.decode() for item in await self.client.zrange(KEYS.queue("default"), 0, -1))


def call(times: Times, payload: bytes = b"call", **options: Any) -> ScheduledCall:
    """A call as a client makes it."""
    return ScheduledCall(name=NAME, function="f", times=times, options=check(**options), header=HEADER, payload=payload)


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """An empty store."""
    client: Any = open_redis(parse_url(server.url))
    yield Store(client)
    await client.aclose()


@pytest.fixture
def scheduler(store: Store) -> Scheduler:
    """What an engine takes turns with."""
    return Scheduler(store.client, KEYS, RING)


async def turns(scheduler: Scheduler, ask: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool]) -> None:
    """Take turns until an answer is enough."""
    async with asyncio.timeout(5):
        while not enough(await ask()):  # noqa: ASYNC110 - what is asked is in the server
            await asyncio.sleep(min(await scheduler.take_turn(), 0.05))


async def test_one_takes_a_turn_and_others_find_nothing(store: Store) -> None:
    """Who asks second is told when to ask again; who died with a turn loses it to the next."""
    await store.keep(Every(60))
    first, second = await store.take(hold_s=0.05), await store.take()
    assert (first.name, second.name) == (NAME, "")
    assert second.due is not None
    assert timedelta(0) < second.due - first.now <= timedelta(seconds=0.05)

    third = second
    async with asyncio.timeout(5):
        while not third.name:
            third = await store.take()
    assert third.turn == first.turn + 1
    assert not await store.advance(first, Turn(next_at=first.now + timedelta(1)))
    assert await store.advance(third, Turn(next_at=first.now + timedelta(1)))
    assert (await store.record()).next_at == first.now + timedelta(1)


async def test_nothing_is_due_where_there_is_nothing(store: Store) -> None:
    """The one small question that idle engines ask."""
    found = await store.take()
    assert (found.name, found.due) == ("", None)
    assert abs(found.now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_turn_makes_the_job_of_a_time(store: Store, scheduler: Scheduler) -> None:
    """Its id is made of name and time, its header is that of whoever scheduled it, and the next time is known."""
    await store.keep(Every(60), queue="default", priority=5, tags=["schedule:nightly"])
    due = (await store.record()).next_at
    assert await scheduler.take_turn() == 0.0
    record = await store.record()
    assert await store.job_ids() == [job_id(NAME, due)]
    [job] = await jobs.records(store.client, KEYS, await store.job_ids())
    assert job is not None
    assert (job.function, job.priority, job.tags) == ("f", 5, ("schedule:nightly",))
    header = peek(await jobs.submission(store.client, KEYS, job.id) or b"")
    assert header == {**HEADER, "id": job.id, "schedule": NAME}
    assert (record.runs, record.last_job, record.last_at) == (1, job.id, due)
    assert record.next_at == due + timedelta(seconds=60)
    assert await jobs.owned(store.client, KEYS, jobs.Origin(user="ann")) == [job.id]


async def test_who_takes_over_a_turn_repeats_nothing(store: Store, scheduler: Scheduler) -> None:
    """An engine died after it had submitted the job: the next one submits it again, in vain, and goes on."""
    await store.keep(Every(60))
    due = (await store.record()).next_at
    await store.take(hold_s=0)
    await call(Every(60)).submit(store.client, KEYS, RING, [job_id(NAME, due)])
    await turns(scheduler, store.record, lambda record: record.runs == 1)
    assert await store.job_ids() == [job_id(NAME, due)]


async def test_the_same_times_go_on_where_they_are(store: Store, scheduler: Scheduler) -> None:
    """Scheduled again with another call: counted on, paused as before; its old call is gone from the server."""
    assert not await store.keep(Every(60, count=9))
    await scheduler.take_turn()
    before = await store.record()
    assert await store.keep(Every(60, count=9), revision="r2", payload=b"other", due_in_s=99)
    assert await store.record() == before
    assert await schedules.call(store.client, KEYS, NAME, "r1") is None
    assert ScheduledCall.opened(
        RING, KEYS, NAME, "f", await schedules.call(store.client, KEYS, NAME, "r2") or b""
    ).payload == b"other"  # fmt: skip
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "pause"))
    await store.keep(Every(60, count=9), revision="r3")
    assert (await store.record()).state is ScheduleState.PAUSED
    assert (await store.take()).name == ""


async def test_other_times_begin_anew(store: Store, scheduler: Scheduler) -> None:
    """Counted from nothing, due when the new times say; a turn at the old ones is refused."""
    await store.keep(Every(60))
    await scheduler.take_turn()
    await store.client.zadd(KEYS.schedules, {NAME: 1})
    taken = await store.take()
    await store.keep(Cron("@daily"), revision="r2", due_in_s=99)
    record = await store.record()
    assert (record.runs, record.times) == (0, Cron("@daily", name=NAME))
    assert not await store.advance(taken, Turn())
    assert (await store.record()) == record
    assert (await store.take()).due == record.next_at


async def test_an_answer_that_was_lost_is_given_again(store: Store) -> None:
    """Keeping the same revision twice changes nothing, and tells what was told the first time."""
    assert not await store.keep(Every(60))
    before = await store.client.hgetall(KEYS.schedule(NAME))
    assert not await store.keep(Every(60), due_in_s=77)
    assert await store.client.hgetall(KEYS.schedule(NAME)) == before
    with pytest.raises(ResponseError, match="GONE the call of schedule nightly was removed on its way"):
        await scripts.run(
            store.client,
            schedules.keep(
                KEYS, name=NAME, revision="never-sent", function="f", queue="q", times=Every(60),
                since=datetime.now(UTC), next_at=None,
            ),
        )  # fmt: skip


async def test_what_is_paused_is_not_taken(store: Store) -> None:
    """Also where it is paused in the middle of a turn; resumed, it is due when it is said to be."""
    await store.keep(Every(60))
    taken = await store.take()
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "pause"))
    assert not await store.advance(taken, Turn(next_at=taken.now))
    assert (await store.take()).due is None
    at = taken.now + timedelta(hours=1)
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "resume", next_at=at))
    assert ((await store.record()).state, (await store.take()).due) == (ScheduleState.ACTIVE, at)
    # not paused any more: resuming it again changes nothing
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "resume", next_at=at + timedelta(1)))
    assert (await store.take()).due == at


async def test_what_has_ended_stays_visible(store: Store, scheduler: Scheduler) -> None:
    """After its last run nothing is due, and resuming brings nothing back."""
    await store.keep(Every(60, count=1))
    await scheduler.take_turn()
    assert (await store.record()).state is ScheduleState.ENDED
    assert (await store.take()).due is None
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "pause"))
    await scripts.run(store.client, schedules.amend(KEYS, NAME, "resume", next_at=datetime.now(UTC)))
    assert ((await store.record()).state, (await store.take()).due) == (ScheduleState.ENDED, None)


async def test_deleted_is_gone(store: Store) -> None:
    """With its call; twice is told."""
    await store.keep(Every(60))
    assert await scripts.run(store.client, schedules.drop(KEYS, NAME))
    assert not await scripts.run(store.client, schedules.drop(KEYS, NAME))
    assert not await scripts.run(store.client, schedules.amend(KEYS, NAME, "pause"))
    assert await store.client.keys("*") == []
    assert await schedules.stored(store.client, KEYS, [NAME]) == [None]


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
async def test_a_time_while_the_last_job_lives(store: Store, scheduler: Scheduler, overlap: Any) -> None:
    """The last job, which waits for a worker here, keeps the next time off, holds it up, gives way, or neither."""
    await store.keep(Every(60, overlap=overlap))
    await scheduler.take_turn()
    [first] = await store.job_ids()
    due = (await store.record()).last_at - timedelta(milliseconds=500)
    # as if the same schedule had been made half a second earlier
    since = round(due.timestamp() * 1000) - 60_000
    await store.client.hset(KEYS.schedule(NAME), mapping={"next": since + 60_000, "since": since})
    await store.client.zadd(KEYS.schedules, {NAME: 1})
    await scheduler.take_turn()
    second = job_id(NAME, due)
    waiting = {"skip": [first], "queue": [first], "cancel": [second], "allow": sorted([first, second])}[overlap]
    record = await store.record()
    assert await store.job_ids() == waiting
    assert (record.skipped, record.waiting) == {"skip": (1, 0), "queue": (0, 1)}.get(overlap, (0, 0))
    if overlap == "queue":
        await scripts.run(store.client, jobs.cancel(KEYS, [first]))
        await turns(scheduler, store.record, lambda record: not record.waiting)
        assert await store.job_ids() == [second]


async def test_a_large_call_goes_past_the_scripts(store: Store, scheduler: Scheduler) -> None:
    """Two megabytes travel by plain commands, to the server and into each job."""
    await store.keep(Every(60), payload=b"x" * 2_000_000)
    await scheduler.take_turn()
    [found] = await store.job_ids()
    assert len(await jobs.submission(store.client, KEYS, found) or b"") > 2_000_000


@pytest.mark.parametrize("change", [{"name": "other"}, {"function": "g"}])
async def test_a_call_counts_only_in_its_place(store: Store, scheduler: Scheduler, change: Any) -> None:
    """The call of another schedule or function in its place is refused, said once, and the schedule taken no more."""
    await store.keep(Every(60))
    theirs = replace(call(Every(60)), **change).sealed(RING, KEYS)
    await store.client.set(KEYS.call(NAME, "r1"), theirs)
    await scheduler.take_turn()
    record = await store.record()
    assert (record.state, record.next_at, await store.job_ids()) == (ScheduleState.REFUSED, None, [])
    assert "was refused unread: it was signed for" in record.error
    assert (await store.take()).due is None
    # scheduled again, it is as new
    await store.keep(Every(60), revision="r2")
    await scheduler.take_turn()
    assert ((await store.record()).state, (await store.record()).error) == (ScheduleState.ACTIVE, "")


def test_a_strangers_call_is_not_opened() -> None:
    """Signed with another key."""
    blob = call(Every(60)).sealed(Keyring({"theirs": b"t" * 32}), KEYS)
    with pytest.raises(TamperedPayload, match="fits none of our keys"):
        ScheduledCall.opened(RING, KEYS, NAME, "f", blob)


async def test_nonsense_in_the_server_hurts_nobody(store: Store, scheduler: Scheduler) -> None:
    """Names without a schedule, hashes that are none of ours, lists in their place: left out, and others are served."""
    await store.keep(Every(60))
    await store.client.zadd(KEYS.schedules, {"ghost": 1, "list": 2, "strange": 3})
    await store.client.sadd(KEYS.schedule_names, "ghost", "list", "strange")
    await store.client.lpush(KEYS.schedule("list"), "x")
    await store.client.hset(KEYS.schedule("strange"), "times", json.dumps({"every": "never"}))

    await turns(scheduler, store.job_ids, bool)
    found = await schedules.stored(store.client, KEYS)
    assert [each.record.name for each in found if each is not None] == [NAME]
    await store.client.flushall()
