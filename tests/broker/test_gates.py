"""What holds ready jobs back: pauses, limits, resources; and that they go on in their order."""

from nbqueue.broker import gates, queues, scripts
from nbqueue.broker.claims import reap
from nbqueue.model.limits import limit
from nbqueue.model.states import State, WaitReason
from tests.broker.store import ENGINE, KEYS, Store
from tests.waiting import until


async def _ids(store: Store, *, room: int = 10, engine: str = ENGINE, free: str = "") -> list[str]:
    return [claim.job_id for claim in await store.claim(room=room, engine=engine, free=free)]


async def test_a_paused_function_waits_and_others_pass(store: Store) -> None:
    """Jobs of a paused function say why they wait; after the resume they start in their order."""
    for name, function in (("a", "f"), ("b", "g"), ("c", "f"), ("d", "g")):
        await store.submit(name, function=function)
    await gates.pause(store.client, KEYS, "f:f")
    assert await _ids(store) == ["b", "d"]
    assert [(await store.record(name)).reason for name in "ac"] == [WaitReason.PAUSED] * 2
    assert (await queues.stats(store.client, KEYS, "default")).queued == 2
    await gates.resume(store.client, KEYS, "f:f")
    assert await _ids(store) == ["a", "c"]
    assert await store.client.keys("nbq:gates:*") == []
    assert await store.client.keys("nbq:behind:*") == []


async def test_a_paused_tag_and_a_paused_group_wait(store: Store) -> None:
    """A job with several reasons to wait starts when the last one is gone."""
    await store.submit("a", tags=["red"], group="g1", size=2)
    await store.submit("b", group="g1", size=2)
    await store.submit("c", tags=["red", "blue"])
    await gates.pause(store.client, KEYS, "t:red")
    await gates.pause(store.client, KEYS, "g:g1")
    assert await _ids(store) == []
    await gates.resume(store.client, KEYS, "t:red")
    assert await _ids(store) == ["c"]
    await gates.resume(store.client, KEYS, "g:g1")
    assert await _ids(store) == ["a", "b"]


async def test_a_limit_holds_back_and_an_end_lets_the_next_through(store: Store) -> None:
    """Two of a key at once: the third waits without a slot, and the next of another function passes it."""
    for number in range(4):
        await store.submit(f"j{number}", limit_key="licence", concurrency=2)
    await store.submit("other")
    first, second, other = await store.claim()
    assert [first.job_id, second.job_id, other.job_id] == ["j0", "j1", "other"]
    assert (await store.record("j2")).reason is WaitReason.LIMITED
    assert await _ids(store) == []
    await store.finish(first)
    assert await _ids(store) == ["j2"]
    await store.finish(second)
    assert await _ids(store) == ["j3"]


async def test_tokens_come_back_with_the_lease(store: Store) -> None:
    """Of two engines and one token, the loss of the holder lets the other start."""
    await store.submit("a", concurrency=1)
    await store.submit("b", concurrency=1)
    assert await _ids(store) == ["a"]
    assert await _ids(store, engine="engine-2") == []
    assert await scripts.run(store.client, reap(KEYS, [ENGINE])) == 1
    assert await _ids(store, engine="engine-2") == ["a"]
    assert await store.client.smembers(KEYS.holding("f:f")) == {b"a"}


async def test_a_retry_gives_its_token_back(store: Store) -> None:
    """A job that waits for its next try holds no token."""
    await store.submit("a", concurrency=1, retry=3)
    await store.submit("b", concurrency=1)
    [claim] = await store.claim()
    await store.finish(claim, State.SCHEDULED, 60)
    assert await _ids(store) == ["b"]


async def test_a_rate_lets_so_many_start_in_a_window(store: Store) -> None:
    """Three in 0.3 s: the fourth starts when the first is that long ago, and the answer says when to look."""
    for number in range(5):
        await store.submit(f"j{number}", rate="3/300ms")
    claimed = await store.claimed()
    assert [claim.job_id for claim in claimed.claims] == ["j0", "j1", "j2"]
    assert claimed.next_due_s is not None
    assert 0 < claimed.next_due_s <= 0.3
    started = (await store.record("j0")).started_at
    more: list[str] = []

    async def all_there() -> bool:
        more.extend(await _ids(store))
        return len(more) == 2

    assert await until(all_there)
    assert more == ["j3", "j4"]
    later = (await store.record("j3")).started_at
    assert started is not None
    assert later is not None
    assert (later - started).total_seconds() >= 0.3


async def test_a_burst_is_less_than_the_rate(store: Store) -> None:
    """Of six a second two may come at once; the next waits for its share of the window."""
    for number in range(4):
        await store.submit(f"j{number}", rate="6/s burst 2")
    claimed = await store.claimed()
    assert [claim.job_id for claim in claimed.claims] == ["j0", "j1"]
    assert claimed.next_due_s is not None
    assert claimed.next_due_s <= 0.34


async def test_a_limit_that_is_set_wins_and_can_be_changed(store: Store) -> None:
    """What is set for a queue or function counts for jobs that wait already, and its change lets more through."""
    for number in range(5):
        await store.submit(f"j{number}")
    await gates.set_limit(store.client, KEYS, "q:default", limit(concurrency=1))
    assert await _ids(store) == ["j0"]
    await gates.set_limit(store.client, KEYS, "q:default", limit(concurrency=3))
    assert await _ids(store) == ["j1", "j2"]
    await gates.set_limit(store.client, KEYS, "q:default", None)
    assert await _ids(store) == ["j3", "j4"]


async def test_limits_of_queue_function_and_key_count_together(store: Store) -> None:
    """A job needs a token of each; one that it cannot have takes none of the others."""
    await gates.set_limit(store.client, KEYS, "q:default", limit(concurrency=3))
    await gates.set_limit(store.client, KEYS, "f:f", limit(concurrency=2))
    for number in range(3):
        await store.submit(f"k{number}", limit_key="k", concurrency=1)
    for number in range(2):
        await store.submit(f"f{number}")
    await store.submit("g0", function="g")
    await store.submit("g1", function="g")
    assert await _ids(store) == ["k0", "f0", "g0"]
    assert await store.client.scard(KEYS.holding("q:default")) == 3


async def test_who_waits_at_a_gate_can_be_cancelled_and_leaves_nothing(store: Store) -> None:
    """A cancel takes a job away from where it is held back."""
    await store.submit("a", concurrency=1)
    await store.submit("b", concurrency=1)
    [claim] = await store.claim()
    assert await store.cancel("b") == "removed"
    await store.finish(claim)
    assert await _ids(store) == []
    assert await store.client.keys("nbq:parked:*") == []
    assert await store.client.keys("nbq:holding:*") == []


async def test_priority_counts_at_a_gate(store: Store) -> None:
    """Of those held back the one of the highest priority goes first; jobs of higher priority outside go before it."""
    await store.submit("first", concurrency=1)
    [claim] = await store.claim()
    await store.submit("low", concurrency=1, priority="low")
    await store.submit("high", concurrency=1, priority="high")
    assert await _ids(store) == []
    await store.submit("top", priority=50)
    await store.finish(claim)
    assert await _ids(store, room=1) == ["top"]
    assert await _ids(store, room=1) == ["high"]


async def test_many_jobs_over_a_limit_hold_up_nobody(store: Store) -> None:
    """Behind two thousand that must wait the one that may start does so within a few calls."""
    for number in range(2000):
        await store.submit(f"j{number}", concurrency=1)
    await store.submit("free", function="g")
    found: list[str] = []
    for _ in range(6):
        found += await _ids(store)
    assert found == ["j0", "free"]


async def test_resources_go_to_who_offers_them(store: Store) -> None:
    """A job that needs what an engine does not have free waits for one that has; others pass."""
    await store.submit("gpu1", resources={"gpu": 1})
    await store.submit("plain")
    await store.submit("gpu2", resources={"gpu": 1, "memory_gb": 8})
    assert await _ids(store) == ["plain"]
    claims = await store.claim(engine="engine-2", free="gpu=1,memory_gb=16")
    assert [(claim.job_id, claim.needs) for claim in claims] == [("gpu1", "gpu=1")]
    assert await _ids(store, engine="engine-2", free="memory_gb=16") == []
    assert await _ids(store, engine="engine-2", free="gpu=1,memory_gb=4") == []
    assert await _ids(store, engine="engine-2", free="gpu=2,memory_gb=8.5") == ["gpu2"]
