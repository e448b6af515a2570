"""Jobs of the same function and arguments: one stands for the others, or the last takes their place."""

from nbqueue.broker import groups
from nbqueue.broker.bounds import RECORD_MS
from nbqueue.model.states import State
from tests.broker.store import KEYS, Store

SAME = {"digest": "d"}


async def test_unique_gives_the_first_within_the_window(store: Store) -> None:
    """Also after it has ended; another digest is another job, and force makes a new one."""
    assert await store.submit("a", own=SAME, unique=60) == "queued"
    assert await store.submit("b", own=SAME, unique=60) == "same a"
    assert await store.submit("c", own={"digest": "e"}, unique=60) == "queued"
    first, _ = await store.claim()
    await store.finish(first)
    assert await store.submit("d", own=SAME, unique=60) == "same a"
    assert await store.submit("e", own=SAME, unique=60, force=True) == "queued"
    assert await store.submit("f", own=SAME, unique=60) == "same e"
    assert not await store.client.exists(KEYS.record("b"), KEYS.submission("b"))


async def test_of_debounced_jobs_the_last_runs(store: Store) -> None:
    """Each waits for the window; one that comes meanwhile takes the place of the one before."""
    assert await store.submit("a", own=SAME, debounce=30) == "scheduled"
    assert await store.submit("b", own=SAME, debounce=30) == "scheduled"
    assert await store.submit("c", own=SAME, debounce=0.05) == "scheduled"
    found = [await store.record(name) for name in "abc"]
    assert [record.state for record in found] == [State.CANCELLED, State.CANCELLED, State.SCHEDULED]
    assert found[0].stopped_by == "debounce"


async def test_a_cache_joins_the_run_and_then_gives_its_result(store: Store) -> None:
    """A run that fails is not taken, nor one whose result is older than asked for."""
    await store.submit("a", own=SAME, cache=60)
    assert await store.submit("b", own=SAME, cache=60) == "same a"
    [claim] = await store.claim()
    assert await store.submit("b", own=SAME, cache=60) == "same a"
    await store.finish(claim)
    assert await store.submit("b", own=SAME, cache=60) == "same a"
    # it ended a while ago
    await store.client.hincrby(KEYS.record("a"), "finished", -5000)
    assert await store.submit("c", own=SAME, cache=4) == "queued"
    [claim] = await store.claim()
    await store.finish(claim, State.FAILED)
    assert await store.submit("d", own=SAME, cache=60) == "queued"


async def test_a_cached_result_that_is_gone_is_made_again(store: Store) -> None:
    """Without its result a job stands for nobody."""
    await store.submit("a", own=SAME, cache=60)
    [claim] = await store.claim()
    await store.finish(claim)
    await store.client.delete(KEYS.result("a"))
    assert await store.submit("b", own=SAME, cache=60) == "queued"


async def test_a_group_lists_each_item_once(store: Store) -> None:
    """Where one is submitted again after its window, the job that stands for it now takes its place in the group."""
    await groups.join(store.client, KEYS, "g", [("i", "a"), ("j", "b"), ("k", "a")], 0)
    await groups.join(store.client, KEYS, "g", [("i", "c"), ("j", "b")], 60)
    await groups.join(store.client, KEYS, "g", [("k", "c"), ("l", "c")], 60)
    assert await groups.joined(store.client, KEYS, "g") == ["c", "b", "c", "c"]
    assert await groups.jobs_of_all(store.client, KEYS, ["none", "g"]) == [[], ["c", "b"]]
    assert RECORD_MS < await store.client.pttl(KEYS.joined("g")) <= RECORD_MS + 60_000
