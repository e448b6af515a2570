"""Schedules that nobody with our key has written: refused with a reason, and no other is held up."""

import json
from dataclasses import replace
from typing import Any

import pytest

from nbqueue.broker import schedules
from nbqueue.broker.scheduled_calls import ScheduledCall
from nbqueue.broker.signing import Keyring
from nbqueue.errors import TamperedPayload
from nbqueue.model.schedule import ScheduleState
from nbqueue.model.times import Every
from nbqueue.worker.scheduler import Scheduler
from tests.broker.kept_schedules import KEYS, NAME, RING, KeptSchedules, call, turns


@pytest.mark.parametrize("change", [{"name": "other"}, {"function": "g"}])
async def test_a_call_counts_only_in_its_place(kept: KeptSchedules, scheduler: Scheduler, change: Any) -> None:
    """The call of another schedule or function in its place is refused, said once, and the schedule taken no more."""
    await kept.keep(Every(60))
    theirs = replace(call(Every(60)), **change).sealed(RING, KEYS)
    await kept.client.set(KEYS.call(NAME, "r1"), theirs)
    await scheduler.take_turn()
    record = await kept.record()
    assert (record.state, record.next_at, await kept.job_ids()) == (ScheduleState.REFUSED, None, [])
    assert "was refused unread: it was signed for" in record.error
    assert (await kept.take()).due is None
    # scheduled again, it is as new
    await kept.keep(Every(60), revision="r2")
    await scheduler.take_turn()
    assert ((await kept.record()).state, (await kept.record()).error) == (ScheduleState.ACTIVE, "")


def test_a_strangers_call_is_not_opened() -> None:
    """Signed with another key."""
    blob = call(Every(60)).sealed(Keyring({"theirs": b"t" * 32}), KEYS)
    with pytest.raises(TamperedPayload, match="fits none of our keys"):
        ScheduledCall.opened(RING, KEYS, NAME, "f", blob)


async def test_nonsense_in_the_server_hurts_nobody(kept: KeptSchedules, scheduler: Scheduler) -> None:
    """Names without a schedule, strange names, times and types: left out, or refused once, and others are served."""
    await kept.keep(Every(60))
    strange: dict[Any, float] = {
        "ghost": 1,
        "list": 2,
        "empty": 3,
        b"\xff\xfe": 4,
        "a b": 5,
        "x" * 99: 6,
        "-inf": float("-inf"),
    }
    await kept.client.zadd(KEYS.schedules, {**strange, "late": float("inf"), "later": 1e300})
    await kept.client.sadd(KEYS.schedule_names, *strange)
    await kept.client.lpush(KEYS.schedule("list"), "x")
    await kept.client.hset(KEYS.schedule("empty"), "times", json.dumps({"every": "never"}))
    await turns(scheduler, kept.job_ids, bool)
    for _ in range(20):
        await scheduler.take_turn()
    found = await schedules.stored(kept.client, KEYS)
    assert [each.record.name for each in found if each is not None] == [NAME]
    assert await kept.client.zrange(KEYS.schedules, 0, -1) == [NAME.encode(), b"later", b"late"]
    await kept.client.flushall()


@pytest.mark.parametrize("field", ["next", "runs", "waiting", "since", "turn", "revision", "skipped"])
@pytest.mark.parametrize("value", ["x", "9" * 400, "[" * 5000, b"\xff", "-1"])
async def test_nonsense_in_a_schedule_hurts_only_itself(
    kept: KeptSchedules, scheduler: Scheduler, field: str, value: str
) -> None:
    """What cannot be read is refused with a reason; what can be is served; it is never taken again and again."""
    await kept.keep(Every(60, count=9))
    await kept.client.hset(KEYS.schedule(NAME), field, value)
    for _ in range(5):
        await scheduler.take_turn()
    # its turn is over: it is looked at when it says so itself, or never
    score, look = await kept.client.zscore(KEYS.schedules, NAME), await kept.client.hget(KEYS.schedule(NAME), "look")
    assert score is None or score == float(look)
