"""The scripts against the table of moves: each move can be made, and no other ever is."""

import asyncio
from random import Random

import pytest
from redis.exceptions import ResponseError

from nbqueue.broker import claims, jobs, queues, reported, scripts
from nbqueue.broker.claims import Claim, Finish
from nbqueue.model.options import check
from nbqueue.model.states import MOVES, Move, State, allowed
from tests.broker.store import ENGINE, KEYS, Store


async def _run(store: Store, move: Move) -> None:
    """Make one move of the table happen to job "j"."""
    match move.source, move.target, move.script:
        case None, target, "submit":
            await store.submit("j", delay=60 if target is State.SCHEDULED else 0)
        case _, _, "reap":
            await _lose(store, move.target)
        case State.RUNNING, target, _:
            await store.submit("j")
            (claim,) = await store.claim("j")
            assert await store.finish(claim, target, 60 if target is State.SCHEDULED else 0)
        case _, _, "settle" | "submit" | "remove":
            await _end_otherwise(store, move)
        case source, State.CANCELLED, _:
            await store.submit("j", delay=60 if source is State.SCHEDULED else 0)
            assert await store.cancel("j") == "removed"
            assert await store.cancel("j") == "cancelled"
        case source, State.EXPIRED, _:
            await store.submit("j", expires=0.02, delay=0.01 if source is State.SCHEDULED else 0)
            await asyncio.sleep(0.03)
            if move.script == "expire":
                await store.call("expire", claims.expire(KEYS), "j")
            else:
                assert await store.claim("j") == []
        case State.SCHEDULED, State.QUEUED, _:
            await store.submit("j", delay=0.01)
            await queues.pause(store.client, KEYS, "default")
            await asyncio.sleep(0.02)
            await store.claim("j")
        case _:
            await store.submit("j")
            await store.claim("j")


async def _lose(store: Store, target: State) -> None:
    """Lose the engine of job "j" until it goes where it should."""
    await store.submit("j")
    for _ in range(claims.MAX_LOSSES if target is State.CRASHED else 1):
        await store.claim("j")
        if target is State.CANCELLED:
            assert await store.cancel("j") == "asked"
        await store.reap("j")


async def _end_otherwise(store: Store, move: Move) -> None:
    """End job "j" while it waits: by a later one of its kind, by one that it waits for, or by forgetting it."""
    delay, policy = (60 if move.source is State.SCHEDULED else 0), ("fail" if move.target is State.FAILED else "skip")
    match move.script:
        case "submit":
            await store.submit("j", own={"digest": "d"}, debounce=60)
            await store.submit("k", "j", own={"digest": "d"}, debounce=60)
        case "remove":
            await store.submit("j", delay=delay)
            assert await store.remove("j") == "deleted"
        case _:
            await store.submit("parent")
            await store.submit("j", own={"after": ["parent"]}, delay=delay, on_parent_failure=policy)
            await store.cancel("parent")
            await store.settle("j")


@pytest.mark.parametrize(
    "move",
    [move for move in MOVES if move.script != "change"],
    ids=lambda move: f"{move.source}-{move.target}-{move.script}",
)
async def test_each_move_of_the_table_is_made_by_its_script(store: Store, move: Move) -> None:
    """Every arrow of the drawn state machine happens on a real server."""
    await _run(store, move)
    assert (move.source, move.target, move.script) in store.seen


@pytest.mark.parametrize("seed", range(4))
async def test_no_other_move_ever_happens(store: Store, seed: int) -> None:
    """Whatever is called in whatever order, a job only moves along the table."""
    chance = Random(seed)
    names = [f"j{i}" for i in range(6)]
    held: list[Claim] = []
    for _ in range(150):
        name = chance.choice(names)
        match chance.randrange(6):
            case 0:
                await store.submit(name, delay=chance.choice([0, 0, 0.005]))
            case 1:
                held += await store.claim(*names)
            case 2 if held:
                claim = held.pop(chance.randrange(len(held)))
                await store.finish(claim, chance.choice([State.SUCCEEDED, State.FAILED, State.QUEUED, State.SCHEDULED]))
            case 3:
                await store.cancel(name)
            case 4:
                await store.reap(*names)
            case _ if held:
                await store.finish(chance.choice(held), State.SUCCEEDED)
    for source, target, script in store.seen:
        assert allowed(source, target) or (source, script) == (State.SCHEDULED, "claim"), (source, target, script)


async def test_a_stale_claim_changes_nothing(store: Store) -> None:
    """The worker that lost a job cannot record its end any more."""
    await store.submit("j")
    (first,) = await store.claim("j")
    await store.reap("j")
    (second,) = await store.claim("j", engine="engine-2")
    assert not await store.finish(first, State.FAILED)
    end = Finish(job_id="j", fence=second.fence, state=State.SUCCEEDED, result=b"value", keep_s=60, record="{}")
    assert await scripts.run(store.client, claims.finish(KEYS, "engine-2", [end])) == [True]
    assert await scripts.run(store.client, claims.finish(KEYS, "engine-2", [end])) == [False]
    assert await jobs.result(store.client, KEYS, "j") == b"value"


async def test_an_engine_without_a_lease_claims_nothing(store: Store) -> None:
    """After its lease was reaped an engine gets no jobs until it has a new one."""
    await store.submit("j")
    call = claims.claim(
        KEYS, queue="default", queue_key=KEYS.queue("default"), engine="ghost", loop_room=10, process_room=10
    )
    found = await scripts.run(store.client, call)
    assert (found.claims, found.has_lease) == ([], False)


async def test_higher_priority_is_claimed_first(store: Store) -> None:
    """Within a lane priority decides, then the order of submission."""
    for name, priority in (("low", -10), ("first", 0), ("second", 0), ("high", 10), ("top", 99), ("bottom", -99)):
        await store.submit(name, priority=priority)
    assert [claim.job_id for claim in await store.claim()] == ["top", "high", "first", "second", "low", "bottom"]


async def test_a_known_id_is_not_submitted_again(store: Store) -> None:
    """Submitting an id twice changes nothing, also after it ended."""
    await store.submit("j")
    (claim,) = await store.claim("j")
    await store.finish(claim, State.SUCCEEDED)
    await store.submit("j")
    assert await store.states("j") == [State.SUCCEEDED]
    assert await store.claim() == []


async def test_twenty_clients_with_one_id_make_one_job(store: Store) -> None:
    """Of many submits of one id at once exactly one is new."""
    batch = jobs.Batch(options=check(), function="f", lane=jobs.LANE_LOOP, jobs=[("one", b"{}")])
    answers = await asyncio.gather(*(scripts.run(store.client, jobs.submit(KEYS, batch)) for _ in range(20)))
    assert sorted(answer[0] for answer in answers) == ["exists"] * 19 + ["queued"]
    assert len(await store.claim()) == 1


async def test_a_record_of_a_wrong_type_does_not_stop_the_queue(store: Store) -> None:
    """Ghost ids and keys of a wrong type are handed out as broken, and the others run."""
    await store.submit("good")
    await store.client.zadd(KEYS.queue("default"), {"ghost": 1, b"\xff\xfe": 1, "list": 1})
    await store.client.lpush(KEYS.submission("list"), "x")
    found = {claim.job_id: claim.submission for claim in await store.claim()}
    assert found == {"good": b"{}", "ghost": None, "\udcff\udcfe": None, "list": None}
    ends = [Finish(job_id=name, fence=1, state=State.FAILED, error="broken", keep_s=60) for name in found]
    assert await scripts.run(store.client, claims.finish(KEYS, ENGINE, ends)) == [True] * 4


@pytest.mark.parametrize("key", [KEYS.history("default"), KEYS.histories, KEYS.events, KEYS.counts("default")])
async def test_an_end_counts_once_whatever_stands_in_the_keys_beside(store: Store, key: str) -> None:
    """History, its counter, events and counts only tell of an end: one that is of a wrong type does not undo it."""
    await store.client.set(key, "x")
    await store.submit("j")
    assert len(await store.claim()) == 1
    ends = [Finish(job_id="j", fence=1, state=State.SUCCEEDED, charge="try", result=b"r", keep_s=60, record="{}")]
    assert await scripts.run(store.client, claims.finish(KEYS, ENGINE, ends)) == [True]
    assert await scripts.run(store.client, claims.finish(KEYS, ENGINE, ends)) == [False]
    assert not await claims.held(store.client, KEYS, ENGINE)
    assert await store.client.get(KEYS.result("j")) == b"r"
    await store.client.delete(key)


@pytest.mark.parametrize("key", [KEYS.queue("default"), KEYS.wake("default"), KEYS.sequence])
async def test_a_submit_is_all_or_nothing(store: Store, key: str) -> None:
    """Where a key it needs is of a wrong type nothing is written; once it is mended the same submit goes through."""
    await store.client.lpush(key, "x") if key != KEYS.wake("default") else await store.client.set(key, "x")
    with pytest.raises(ResponseError):
        await store.submit("j")
    assert not await store.client.exists(KEYS.record("j"), KEYS.submission("j"))
    await store.client.delete(key)
    await store.submit("j")
    assert len(await store.claim()) == 1


async def test_claims_of_another_form_are_given_back(store: Store) -> None:
    """What a worker of another version wrote down, or anybody, does not keep its jobs from coming back."""
    for name in ("a", "b"):
        await store.submit(name)
    assert len(await store.claim()) == 2
    await store.client.hset(KEYS.claims(ENGINE), "a", KEYS.queue("default"))
    await store.client.hdel(KEYS.record("b"), "rank")
    assert await scripts.run(store.client, claims.reap(KEYS, [ENGINE])) == 2
    assert {claim.job_id for claim in await store.claim()} == {"a", "b"}


async def test_the_log_is_a_ring_that_says_what_it_dropped(store: Store) -> None:
    """Old output makes room for new, and the reader is told how much is gone."""
    await store.submit("j")
    await store.claim("j")
    for letter in "abc":
        report = claims.Report("j", 1, {"done": 1}, letter * 600_000)
        assert await scripts.run(store.client, claims.report(KEYS, ENGINE, [report])) == [True]
    text = await reported.log(store.client, KEYS, "j")
    assert text.startswith("[... 1,200,000 earlier bytes dropped ...]\nccc")
    (record,) = await jobs.records(store.client, KEYS, ["j"])
    assert record is not None
    assert record.progress.done == 1


async def test_numbers_of_a_queue_are_true(store: Store) -> None:
    """Counts per state follow the jobs."""
    for name, delay in (("a", 0), ("b", 0), ("c", 60)):
        await store.submit(name, delay=delay)
    await store.claim()
    await store.submit("d")
    stats = await queues.stats(store.client, KEYS, "default")
    assert (stats.queued, stats.scheduled, stats.running) == (1, 1, 2)


async def test_what_runs_goes_on_where_waiting_jobs_are_meant(store: Store) -> None:
    """One script cancels those of some jobs that wait; of those that run nothing is asked, also not to stop."""
    await store.submit("runs")
    await store.claim("runs")
    await store.submit("waits")
    call = jobs.cancel(KEYS, ["runs", "waits", "strange"], waiting=True)
    assert await store.call("cancel", call, "waits") == ["running", "removed", "unknown"]
    assert [(await store.record(name)).state for name in ("runs", "waits")] == [State.RUNNING, State.CANCELLED]
    assert not await store.client.exists(KEYS.stops(ENGINE))
