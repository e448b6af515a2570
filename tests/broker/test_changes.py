"""Changes of jobs that wait: what the script does, and what it leaves alone."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from nbqueue.broker import changes, jobs, scripts
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.model.job import JobRecord
from nbqueue.model.options import check
from nbqueue.model.states import MOVES, State, WaitReason, allowed
from tests.broker.store import KEYS, Store
from tests.servers import Server

PARKED = "nbq:parked:default:"


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """The scripts on an empty server."""
    client = open_redis(parse_url(server.url))
    yield Store(client)
    async for key in client.scan_iter("nbq:parked:*"):
        await client.delete(key)
    await client.delete("nbq:gates:default", KEYS.record("broken"))
    await client.aclose()


async def change(store: Store, *job_ids: str, delay_s: float | None = None, priority: int | None = None) -> list[str]:
    """Make jobs due, or due later, or give them another priority."""
    call = changes.promote(KEYS, job_ids)
    if delay_s is not None:
        call = changes.reschedule(KEYS, job_ids, delay_s=delay_s)
    elif priority is not None:
        call = changes.set_priority(KEYS, job_ids, priority)
    return list(await store.call("change", call, *job_ids))


async def record(store: Store, job_id: str) -> JobRecord:
    """What is known of a job."""
    [found] = await jobs.records(store.client, KEYS, [job_id])
    assert found is not None
    return found


async def park(store: Store, job_id: str, gate: str, reason: str) -> float:
    """Put a ready job behind a gate, as the claiming script does; its rank."""
    rank = await store.client.zscore(KEYS.queue("default"), job_id)
    await store.client.zrem(KEYS.queue("default"), job_id)
    await store.client.zadd(PARKED + gate, {job_id: rank})
    await store.client.zadd("nbq:gates:default", {gate: 0})
    await store.client.hset(KEYS.record(job_id), mapping={"parked": f"default:{gate}", "reason": reason})
    return float(rank)


async def test_the_moves_of_the_table_are_made(store: Store) -> None:
    """Both arrows that the drawn state machine gives to this script happen on a real server."""
    await store.submit("j")
    await change(store, "j", delay_s=60)
    await change(store, "j")
    made = {(move.source, move.target, move.script) for move in MOVES if move.script == "change"}
    assert {seen for seen in store.seen if seen[2] == "change"} == made


@pytest.mark.parametrize("seed", range(4))
async def test_no_other_move_ever_happens(store: Store, seed: int) -> None:
    """Whatever is changed between whatever else, a job only moves along the table, and none is lost."""
    chance = Random(seed)
    names = [f"j{i}" for i in range(6)]
    for _ in range(150):
        name = chance.choice(names)
        match chance.randrange(6):
            case 0:
                await store.submit(name, delay=chance.choice([0, 0.005]), priority=chance.randint(-99, 99))
            case 1:
                for claim in await store.claim(*names):
                    await store.finish(claim, chance.choice([State.QUEUED, State.SCHEDULED, State.FAILED]), 0.002)
            case 2:
                await store.cancel(name)
            case 3:
                await change(store, name, priority=chance.randint(-99, 99))
            case _:
                await change(store, name, delay_s=chance.choice([None, 0, 0.005]))
    for source, target, script in store.seen:
        assert allowed(source, target) or (source, script) == (State.SCHEDULED, "claim"), (source, target, script)
    states = zip(names, await store.states(*names), strict=True)
    waiting = {name for name, state in states if state in (State.QUEUED, State.SCHEDULED)}
    assert {item.decode() for item in await store.client.zrange(KEYS.queue("default"), 0, -1)} == waiting


async def test_a_promoted_job_does_not_overtake(store: Store) -> None:
    """It is due now, in the place that its priority and its submit give it."""
    await store.submit("later", delay=3600)
    for name, priority in (("equal", 0), ("high", 10), ("low", -10)):
        await store.submit(name, priority=priority)
    assert await change(store, "later") == ["changed"]
    assert await change(store, "later") == ["changed"]
    found = await record(store, "later")
    assert found.state is State.QUEUED
    assert found.due_at is not None
    assert abs((datetime.now(UTC) - found.due_at).total_seconds()) < 60
    assert [claim.job_id for claim in await store.claim()] == ["high", "later", "equal", "low"]


async def test_a_wait_for_another_try_is_cut_short(store: Store) -> None:
    """A promoted retry is no longer one that waits; one that is put off still is."""
    await store.submit("j")
    [claim] = await store.claim("j")
    await store.finish(claim, State.SCHEDULED, 3600)
    await change(store, "j", delay_s=7200)
    assert (await record(store, "j")).reason is WaitReason.RETRYING
    await change(store, "j")
    found = await record(store, "j")
    assert (found.state, found.reason, found.tries) == (State.QUEUED, None, 1)
    assert [claim.job_id for claim in await store.claim("j")] == ["j"]


async def test_a_rescheduled_job_starts_when_it_is_due(store: Store) -> None:
    """Seconds and moments count on the server's clock; a moment that is over means now."""
    await store.submit("j", priority=5)
    assert await change(store, "j", delay_s=60) == ["changed"]
    found = await record(store, "j")
    due_s = (found.due_at or datetime.now(UTC)).timestamp() - time.time()
    assert (found.state, 55 < due_s < 65, await store.claim("j")) == (State.SCHEDULED, True, [])
    moment = datetime.now(UTC) + timedelta(hours=2)
    await store.call("change", changes.reschedule(KEYS, ["j"], delay_s=0, at=moment), "j")
    assert await store.client.zscore(KEYS.queue("default"), "j") == round(moment.timestamp() * 1000)
    await store.call("change", changes.reschedule(KEYS, ["j"], delay_s=0, at=datetime(2020, 1, 1, tzinfo=UTC)), "j")
    assert [(claim.job_id, claim.due_ms > claim.submitted_ms) for claim in await store.claim("j")] == [("j", True)]


async def test_a_new_priority_keeps_the_place_among_equals(store: Store) -> None:
    """Ready, or due later: whoever was submitted first goes first among those of the same priority."""
    await store.submit("a", delay=60)
    for name in ("b", "c", "d"):
        await store.submit(name, priority=7 if name == "c" else 0)
    assert await change(store, "d", "b", "a", priority=7) == ["changed"] * 3
    await change(store, "a")
    assert (await record(store, "b")).priority == 7
    assert [claim.job_id for claim in await store.claim()] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("lane", [jobs.LANE_LOOP, jobs.LANE_PROCESS])
async def test_a_new_priority_keeps_the_lane(store: Store, lane: int) -> None:
    """What needs a process is not offered to a loop, whatever its priority."""
    batch = jobs.Batch(options=check(), function="f", lane=lane, jobs=[("j", b"{}")])
    await scripts.run(store.client, jobs.submit(KEYS, batch))
    for priority in (-99, 99, 0):
        await change(store, "j", priority=priority)
        score = await store.client.zscore(KEYS.queue("default"), "j")
        assert int(score // 400_000_000_000) == lane
    assert [claim.lane for claim in await store.claim("j")] == [lane]


async def test_jobs_that_run_or_have_ended_are_left_alone(store: Store) -> None:
    """The answer is their state; nothing of them changes, whatever is asked."""
    for name in ("runs", "ended"):
        await store.submit(name)
    held = {claim.job_id: claim for claim in await store.claim("runs", "ended")}
    await store.finish(held["ended"], State.FAILED)
    await store.client.lpush(KEYS.record("broken"), "x")
    names = ("runs", "ended", "nobody", "broken")
    before = [await store.client.dump(KEYS.record(name)) for name in names]
    wants: list[dict[str, Any]] = [{}, {"delay_s": 60}, {"priority": 9}]
    for wanted in wants:
        assert await change(store, "runs", "ended", **wanted) == ["running", "failed"]
    assert await scripts.run(store.client, changes.promote(KEYS, names[2:])) == ["unknown", "unknown"]
    assert [await store.client.dump(KEYS.record(name)) for name in names] == before


async def test_a_job_behind_a_gate_has_its_new_priority_there(store: Store) -> None:
    """It stays behind the gate, before or behind the others there."""
    for name in ("a", "b"):
        await store.submit(name)
        await park(store, name, "f:solve", "paused")
    await change(store, "b", priority=1)
    assert await store.client.zrange(PARKED + "f:solve", 0, -1) == [b"b", b"a"]
    assert await store.client.zcard(KEYS.queue("default")) == 0
    rank = await store.client.hget(KEYS.record("b"), "rank")
    assert await store.client.zscore(PARKED + "f:solve", "b") == float(rank)


async def test_a_job_behind_a_gate_that_is_put_off_leaves_it(store: Store) -> None:
    """It waits in its queue for its time; due now it stays where it is, and the gate holds it back."""
    for name in ("a", "b"):
        await store.submit(name)
    await park(store, "a", "f:solve", "paused")
    rank = await park(store, "b", "f:solve", "paused")
    assert await change(store, "a", "b") == ["changed"] * 2
    assert await store.client.zscore(PARKED + "f:solve", "b") == rank
    assert await change(store, "a", delay_s=60) == ["changed"]
    found = await record(store, "a")
    assert (found.state, found.reason) == (State.SCHEDULED, None)
    assert await store.client.hget(KEYS.record("a"), "parked") is None
    assert await store.client.zrange("nbq:gates:default", 0, -1) == [b"f:solve"]
    await change(store, "b", delay_s=60)
    assert await store.client.zrange("nbq:gates:default", 0, -1) == []
    assert await store.client.zcard(KEYS.queue("default")) == 2


async def test_a_job_that_waits_for_others_has_no_time_of_its_own(store: Store) -> None:
    """It can be made neither due nor later; its priority can change."""
    await store.submit("j")
    await park(store, "j", "blocked", "blocked")
    assert await change(store, "j") == ["blocked"]
    assert await change(store, "j", delay_s=60) == ["blocked"]
    assert await change(store, "j", priority=9) == ["changed"]
    assert await store.client.zscore(PARKED + "blocked", "j") < 90 * 2_000_000_000 + 10


async def test_followers_and_workers_are_told(store: Store) -> None:
    """Each change of state is an event, and wakes an idle worker, which then knows when to look."""
    await store.submit("j")
    await store.client.delete(KEYS.events, KEYS.wake("default"))
    await change(store, "j", delay_s=60)
    await change(store, "j")
    told = [fields[b"jobs"] for _, fields in await store.client.xrange(KEYS.events)]
    assert (told, await store.client.llen(KEYS.wake("default"))) == ([b"j scheduled 0", b"j queued 0"], 2)
