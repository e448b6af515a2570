"""Jobs that wait for others: they go on when the last one has ended well, and end or run as asked when one has not."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.exceptions import ResponseError

from nbqueue.broker import jobs, queues, scripts
from nbqueue.model.options import check
from nbqueue.model.states import State, WaitReason
from tests.broker.store import KEYS, Store


async def test_a_job_waits_for_all_its_parents(store: Store) -> None:
    """It is blocked, says so, counts as waiting, and is claimed after the last one has succeeded."""
    await store.submit("a")
    await store.submit("b")
    await store.submit("c", own={"after": ["a", "b"]})
    assert (await store.record("c")).reason is WaitReason.BLOCKED
    assert (await queues.stats(store.client, KEYS, "default")).queued == 3
    first, second = await store.claim()
    await store.finish(first)
    assert not await store.settle()
    assert await store.claim() == []
    await store.finish(second)
    await store.settle()
    assert [claim.job_id for claim in await store.claim()] == ["c"]
    assert await store.client.exists(KEYS.parents, KEYS.settling, KEYS.children("a")) == 0


async def test_parents_that_have_ended_are_not_waited_for(store: Store) -> None:
    """After a parent that succeeded the job is ready at once; after one that failed it ends."""
    await store.submit("a")
    [claim] = await store.claim()
    await store.finish(claim)
    assert await store.submit("b", own={"after": ["a"]}) == "queued"
    assert [claim.job_id for claim in await store.claim()] == ["b"]
    await store.submit("x")
    await store.cancel("x")
    await store.submit("y", own={"after": ["x", "a"]})
    await store.settle()
    record = await store.record("y")
    assert (record.state, record.error_type, record.error) == (
        State.FAILED, "ParentFailed", "It waited for job x (f), which was cancelled.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "state"), [("fail", State.FAILED), ("skip", State.CANCELLED), ("run", State.QUEUED)]
)
async def test_a_parent_that_fails_decides_by_the_childs_option(store: Store, policy: str, state: State) -> None:
    """It fails, is skipped, or runs; and so do those behind it."""
    await store.submit("a")
    await store.submit("b", own={"after": ["a"]}, on_parent_failure=policy)
    await store.submit("c", own={"after": ["b"]})
    [claim] = await store.claim()
    await store.finish(claim, State.FAILED)
    await store.settle("b", "c")
    assert await store.states("b") == [state]
    assert await store.states("c") == [State.QUEUED if policy == "run" else State.FAILED]


async def test_a_lost_parent_is_refused(store: Store) -> None:
    """A submit that waits for an unknown job writes nothing."""
    with pytest.raises(ResponseError, match=r'PARENT .* no job or group "nobody"'):
        await store.submit("a", own={"after": ["nobody"]})
    assert not await store.client.exists(KEYS.record("a"), KEYS.submission("a"), KEYS.children("nobody"))


async def test_a_group_is_waited_for_as_a_whole(store: Store) -> None:
    """A job after a group starts when its last job has ended well."""
    for name in ("a", "b"):
        await store.submit(name, group="g", size=2)
    await store.submit("c", own={"after": ["g"]})
    first, second = await store.claim()
    await store.finish(first)
    await store.settle()
    assert await store.claim() == []
    await store.finish(second)
    await store.settle()
    assert [claim.job_id for claim in await store.claim()] == ["c"]
    # and after it has ended
    assert await store.submit("d", own={"after": ["g"]}) == "queued"
    assert [claim.job_id for claim in await store.claim()] == ["d"]


async def test_a_delay_counts_beside_parents(store: Store) -> None:
    """A job whose parents have ended waits for its own time."""
    await store.submit("a")
    await store.submit("b", own={"after": ["a"]}, at=datetime.now(UTC) + timedelta(seconds=60))
    [claim] = await store.claim()
    await store.finish(claim)
    await store.settle()
    assert await store.claim() == []
    assert await store.states("b") == [State.SCHEDULED]


async def test_the_result_of_a_parent_is_kept_for_its_children(store: Store) -> None:
    """However short it was to be kept, a result that others wait for stays a week."""
    await store.submit("a")
    await store.submit("b", own={"after": ["a"]})
    [claim] = await store.claim()
    await store.finish(claim, keep_s=0)
    assert await jobs.result(store.client, KEYS, "a") == b"value"
    assert await store.client.pttl(KEYS.result("a")) > 6 * 86_400_000


async def test_many_children_are_told_in_parts(store: Store) -> None:
    """A call tells so many, and the next the rest."""
    await store.submit("a")
    for number in range(1500):
        await store.submit(f"c{number}", own={"after": ["a"]})
    [claim] = await store.claim()
    await store.finish(claim)
    assert await store.settle()
    assert not await store.settle()
    assert (await queues.stats(store.client, KEYS, "default")).queued == 1500
    assert len(await store.claim(room=2000)) == 1500


async def test_a_blocked_job_can_be_cancelled(store: Store) -> None:
    """Its parent's end then changes nothing."""
    await store.submit("a")
    await store.submit("b", own={"after": ["a"]})
    assert await store.cancel("b") == "removed"
    [claim] = await store.claim()
    await store.finish(claim)
    await store.settle()
    assert await store.states("b") == [State.CANCELLED]
    assert await store.client.keys("nbq:parked:*") == []


async def test_a_batch_after_many_parents_is_quick(store: Store) -> None:
    """Two hundred jobs that all wait for a hundred are accepted in one call that others hardly notice."""
    parents = [f"p{number}" for number in range(100)]
    for name in parents:
        await store.submit(name)
    ids = [f"c{number}" for number in range(200)]
    batch = jobs.Batch(
        options=check(), function="f", lane=jobs.LANE_LOOP, jobs=[(name, b"{}") for name in ids],
        own={name: {"after": parents} for name in ids},
    )  # fmt: skip
    assert await scripts.run(store.client, jobs.submit(KEYS, batch)) == ["queued"] * 200
    for claim in await store.claim(room=200):
        await store.finish(claim)
    while await store.settle():
        pass
    assert sorted(claim.job_id for claim in await store.claim(room=500)) == sorted(ids)


async def test_a_forgotten_job_leaves_no_wait_to_the_next_of_its_id(store: Store) -> None:
    """A job that was deleted and submitted again waits for its own parents only."""
    for name in ("a", "b", "x"):
        await store.submit(name)
    await store.submit("j", own={"after": ["a", "x"]})
    assert await store.remove("j") == "deleted"
    await store.submit("j", own={"after": ["b"]})
    await store.cancel("x")
    [first, second] = await store.claim()
    await store.finish(first)
    await store.settle()
    assert (await store.record("j")).reason is WaitReason.BLOCKED
    assert await store.claim() == []
    await store.finish(second)
    await store.settle()
    assert [claim.job_id for claim in await store.claim()] == ["j"]


async def test_a_parent_that_was_deleted_is_told_as_a_job(store: Store) -> None:
    """Who waited for it fails at once, and says for what it waited."""
    await store.submit("a")
    await store.submit("b", own={"after": ["a"]})
    assert await store.remove("a") == "deleted"
    await store.settle()
    record = await store.record("b")
    assert (record.state, record.error) == (State.FAILED, "It waited for job a, which was cancelled.")
