"""The counts of a group, kept by the scripts that move its jobs."""

from nbqueue.broker import gates, groups, jobs
from nbqueue.model.states import State
from tests.broker.store import ENGINE, KEYS, Store


async def _counts(store: Store) -> dict[State, int]:
    found = await groups.counts(store.client, KEYS, "g")
    assert found is not None
    return {state: count for state, count in found.states.items() if count}


async def test_counts_follow_every_move(store: Store) -> None:
    """Submitted, claimed, retried, lost, ended: the sum stays the same."""
    for number in range(4):
        await store.submit(f"j{number}", group="g", size=5)
    await store.submit("later", group="g", size=5, delay=0.001)
    assert await _counts(store) == {State.QUEUED: 4, State.SCHEDULED: 1}
    claims = {claim.job_id: claim for claim in await store.claim()}
    assert await _counts(store) == {State.RUNNING: len(claims)} | ({State.SCHEDULED: 1} if len(claims) == 4 else {})
    claims |= {claim.job_id: claim for claim in await store.claim()}
    await store.finish(claims["j0"])
    await store.finish(claims["j1"], State.FAILED)
    await store.finish(claims["j2"], State.SCHEDULED, 60)
    assert await _counts(store) == {State.SUCCEEDED: 1, State.FAILED: 1, State.SCHEDULED: 1, State.RUNNING: 2}
    await store.reap(engine=ENGINE)
    assert await _counts(store) == {State.SUCCEEDED: 1, State.FAILED: 1, State.SCHEDULED: 1, State.QUEUED: 2}
    for name in ("j2", "j3", "later"):
        await store.cancel(name)
    assert await _counts(store) == {State.SUCCEEDED: 1, State.FAILED: 1, State.CANCELLED: 3}
    found = await groups.counts(store.client, KEYS, "g")
    assert found is not None
    assert (found.total, found.left) == (5, 0)
    assert await groups.members(store.client, KEYS, "g") == ["j0", "j1", "j2", "j3", "later"]
    # kept as long as its jobs are
    assert await store.client.pttl(KEYS.group("g")) > 0
    assert await store.client.pttl(KEYS.members("g")) > 0


async def test_an_expired_job_counts(store: Store) -> None:
    """A job that was not started in time has ended, for its group as well."""
    await store.submit("a", group="g", size=1, expires=0.001)
    for _ in range(3):
        await store.claim()
    assert await _counts(store) in ({State.EXPIRED: 1}, {State.RUNNING: 1})


async def test_a_group_that_is_unknown_has_no_counts(store: Store) -> None:
    """Nothing is made up."""
    assert await groups.counts(store.client, KEYS, "nobody") is None


async def test_a_group_goes_with_the_last_of_its_jobs(store: Store) -> None:
    """As long as one is there, one that runs among them, the counts stay as they were; then nothing is left of it."""
    for name in ("a", "b", "c"):
        await store.submit(name, group="g", size=3)
    [first, *_] = await store.claim(room=1)
    assert [await store.remove(name) for name in ("a", "b", "c")] == ["running", "deleted", "deleted"]
    assert await store.remove("b") == "unknown"
    assert await _counts(store) == {State.RUNNING: 1, State.CANCELLED: 2}
    await store.finish(first)
    assert await _counts(store) == {State.SUCCEEDED: 1, State.CANCELLED: 2}
    assert await store.remove("a") == "deleted"
    assert await groups.counts(store.client, KEYS, "g") is None
    assert await groups.members(store.client, KEYS, "g") == []


async def test_a_group_that_is_forgotten_is_no_longer_paused(store: Store) -> None:
    """Also where it was paused after its end."""
    await store.submit("a", group="g", size=1)
    await store.cancel("a")
    await gates.pause(store.client, KEYS, "g:g")
    await store.remove("a")
    assert await gates.paused(store.client, KEYS) == []


async def test_those_that_wait_for_a_deleted_group_are_told_of_it(store: Store) -> None:
    """They fail, and say that a group was waited for; nothing of it stays for long."""
    await store.submit("a", group="g", size=1)
    await store.submit("after", own={"after": ["g"]})
    await store.remove("a")
    assert await store.client.pttl(KEYS.group("g")) > 0
    while await store.settle("after"):
        pass
    [record] = await jobs.records(store.client, KEYS, ["after"])
    assert record is not None
    assert (record.state, record.error) == (State.FAILED, "It waited for group g, and job a of it is gone.")
