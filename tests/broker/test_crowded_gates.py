"""What holds jobs back, where there is much of it: many gates, limits that differ, jobs that leave in front."""

import asyncio

from nbqueue.broker import gates, scripts
from nbqueue.broker.claims import Finish, finish
from nbqueue.model.limits import limit
from nbqueue.model.states import State
from tests.broker.store import ENGINE, KEYS, Store
from tests.waiting import until


async def _ids(store: Store, *, room: int = 10, engine: str = ENGINE, free: str = "") -> list[str]:
    return [claim.job_id for claim in await store.claim(room=room, engine=engine, free=free)]


async def test_many_gates_keep_nobody_waiting(store: Store) -> None:
    """Behind sixty needs that nobody has, a limit opens, a tag resumes, and who offers enough gets its job."""
    for number in range(60):
        await store.submit(f"n{number:02}", resources={"memory_gb": 100 + number})
    await store.submit("slow", rate="1/200ms", limit_key="k")
    await store.submit("next", rate="1/200ms", limit_key="k")
    await store.submit("night", tags=["night"])
    await gates.pause(store.client, KEYS, "t:night")
    assert await _ids(store, room=100) == ["slow"]
    await gates.resume(store.client, KEYS, "t:night")
    assert "night" in await _ids(store)

    async def next_comes() -> bool:
        return "next" in await _ids(store)

    assert await until(next_comes)
    assert await _ids(store, free="memory_gb=100") == ["n00"]
    assert await _ids(store, free="memory_gb=300") == ["n01", "n02"]


async def test_what_did_not_run_has_not_started(store: Store) -> None:
    """A claim that is given back uncharged takes nothing of a rate, and the job tells no start."""
    await store.submit("a", rate="1/h")
    [claim] = await store.claim()
    end = Finish(job_id="a", fence=claim.fence, state=State.QUEUED)
    assert await scripts.run(store.client, finish(KEYS, ENGINE, [end])) == [True]
    waiting = await store.record("a")
    assert (waiting.started_at, waiting.worker) == (None, "")
    assert await _ids(store) == ["a"]


async def test_a_limit_that_is_set_counts_what_runs(store: Store) -> None:
    """Eight run, two are allowed from now on: the next starts when seven have ended."""
    for number in range(9):
        await store.submit(f"j{number}")
    running = await store.claim(room=8)
    await gates.set_limit(store.client, KEYS, "f:f", limit(concurrency=2))
    assert await _ids(store) == []
    for claim in running[:6]:
        await store.finish(claim)
    assert await _ids(store) == []
    await store.finish(running[6])
    assert await _ids(store) == ["j8"]
    await store.finish(running[7])
    assert await store.client.scard(KEYS.holding("f:f")) == 1


async def test_each_job_of_a_key_has_its_own_limit(store: Store) -> None:
    """One without a limit is counted, and lets nobody in beside one that wants to be alone."""
    await store.submit("open", limit_key="k")
    for number in range(3):
        await store.submit(f"one{number}", limit_key="k", concurrency=1)
    [claim] = await store.claim()
    assert claim.job_id == "open"
    await store.finish(claim)
    assert await _ids(store) == ["one0"]


async def test_who_offers_resources_is_called(store: Store) -> None:
    """An engine that cannot take a job calls those that might."""
    await store.client.hset(KEYS.engine("engine-2"), "resources", '{"gpu": 1.0}')
    await store.claim(engine="engine-2", free="gpu=1")
    await store.submit("a", resources={"gpu": 1})
    assert await _ids(store) == []
    assert await store.client.lpop(KEYS.wake("engine-2")) == b"ready"
    await store.client.delete(KEYS.engine("engine-2"))


async def test_what_leaves_the_queue_takes_no_place_of_others(store: Store) -> None:
    """Expired and held-back jobs in front do not keep the ready ones from being claimed in the same call."""
    for number in range(5):
        await store.submit(f"old{number}", expires=0.001)
        await store.submit(f"held{number}", tags=["night"])
    await gates.pause(store.client, KEYS, "t:night")
    await asyncio.sleep(0.01)
    for number in range(3):
        await store.submit(f"new{number}")
    assert await _ids(store) == ["new0", "new1", "new2"]


async def test_fractions_of_resources_add_up(store: Store) -> None:
    """Three tenths are three times one tenth."""
    for number in range(4):
        await store.submit(f"j{number}", resources={"gpu": 0.1})
    assert await _ids(store, free="gpu=0.3") == ["j0", "j1", "j2"]


async def test_each_job_keeps_to_its_own_number_under_a_key(store: Store) -> None:
    """What counts is common to a key, and how much is too much is each job's own, whoever comes first."""
    await store.submit("any", limit_key="k")
    for number in range(3):
        await store.submit(f"one{number}", limit_key="k", concurrency=1)
        await store.submit(f"two{number}", limit_key="k", concurrency=2)
    await store.submit("more", limit_key="k", rate="100/s")
    assert await _ids(store) == ["any", "two0", "more"]
    assert await store.client.smembers(KEYS.holding("k:k")) == {b"any", b"two0", b"more"}


async def test_a_short_window_leaves_a_long_one_its_starts(store: Store) -> None:
    """Of two rates under one key the longer window counts what started under the shorter one."""
    for number in range(2):
        await store.submit(f"slow{number}", limit_key="k", rate="2/h")
    await store.submit("fast", limit_key="k", rate="5/ms")
    assert await _ids(store) == ["slow0", "slow1", "fast"]
    await asyncio.sleep(0.01)
    await store.submit("slow2", limit_key="k", rate="2/h")
    assert await _ids(store) == []


async def test_who_is_held_back_or_too_late_takes_no_room(store: Store) -> None:
    """A claim goes on behind them in order, and finds as many as it has room for."""
    await gates.pause(store.client, KEYS, "f:paused")
    await store.submit("held", function="paused")
    for number in range(2):
        await store.submit(f"late{number}", expires=0.001)
    for number in range(6):
        await store.submit(f"j{number}")
    await asyncio.sleep(0.005)
    assert await _ids(store, room=3) == ["j0", "j1", "j2"]
    assert await _ids(store, room=3) == ["j3", "j4", "j5"]


async def test_behind_a_gate_the_next_goes_where_the_first_may_not(store: Store) -> None:
    """The free place of a limit is not lost on a job that something else holds back, and nobody is overtaken."""
    await store.submit("holder", limit_key="k", concurrency=1)
    for name, function in (("a", "paused"), ("b", "f")):
        await store.submit(name, function=function, limit_key="k", concurrency=1)
    [claim] = await store.claim()
    await gates.pause(store.client, KEYS, "f:paused")
    await store.submit("c", function="paused")
    await store.submit("d")
    await store.finish(claim)
    assert await _ids(store, room=1) == ["b"]
    assert await _ids(store, room=1) == ["d"]
