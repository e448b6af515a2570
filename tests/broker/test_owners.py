"""What the server keeps of a submitter: its last jobs and groups, and all that live however many came after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nbqueue.broker import jobs, owners, scripts
from nbqueue.broker.bounds import OWNED
from nbqueue.model.options import check
from tests.broker.store import KEYS, Store

ORIGIN = jobs.Origin(user="ann", folder="/home/ann", notebook="work.ipynb")
KEY = KEYS.owner("ann", "/home/ann", "work.ipynb")


async def submit(store: Store, ids: Sequence[str], *, group: str = "", size: int = 0, **options: Any) -> None:
    """Submit some jobs of this origin at once."""
    batch = jobs.Batch(
        options=check(**options), function="f", lane=jobs.LANE_LOOP, jobs=[(job_id, b"{}") for job_id in ids],
        origin=ORIGIN, group=group, size=size,
    )  # fmt: skip
    await scripts.run(store.client, jobs.submit(KEYS, batch))


async def end(store: Store, ids: Sequence[str]) -> None:
    """Have them ended."""
    await scripts.run(store.client, jobs.cancel(KEYS, ids))


async def owned(store: Store) -> list[str]:
    """What is kept, newest first."""
    return await owners.owned(store.client, KEYS, ORIGIN)


def some(name: str, count: int) -> list[str]:
    """So many ids."""
    return [f"{name}-{number:05}" for number in range(count)]


async def test_what_lives_stays_however_much_came_after_it(store: Store) -> None:
    """Of thousands that ended the last stay, and of those that have not ended all."""
    live = some("live", 300)
    await submit(store, live)
    for number in range(12):
        gone = some(f"gone-{number}", 500)
        await submit(store, gone)
        await end(store, gone)
    found = await owned(store)
    assert set(live) < set(found)
    # those of the last few submits have not been looked at since they ended
    assert OWNED + len(live) <= len(found) <= OWNED + len(live) + 1500
    assert found[:500] == some("gone-11", 500)[::-1]


async def test_what_ends_later_leaves_in_time(store: Store) -> None:
    """Thousands that lived when newer ones came, and ended then, are let go of by the submits that follow."""
    many = some("many", 5000)
    for start in range(0, len(many), 500):
        await submit(store, many[start : start + 500])
    assert len(await owned(store)) == len(many)
    await end(store, many)
    for number in range(30):
        await submit(store, some(f"after-{number}", 250))
    found = await owned(store)
    assert [job_id for job_id in found if job_id.startswith("many")] == []
    assert len(found) == 30 * 250


async def test_single_submits_keep_no_more_than_that(store: Store) -> None:
    """A tenth more at most, whoever submits one by one."""
    for job_id in some("job", OWNED + 350):
        await submit(store, [job_id])
        await end(store, [job_id])
    assert OWNED <= await store.client.zcard(KEY) < OWNED + OWNED // 10


async def test_a_group_is_one(store: Store) -> None:
    """Of a group the server lists the jobs; it stays as long as one of them lives."""
    members = some("member", 1200)
    for start in range(0, len(members), 400):
        await submit(store, members[start : start + 400], group="g", size=len(members))
    assert await owned(store) == ["group g"]
    for live in (True, False):
        for number in range(5):
            gone = some(f"gone-{live}-{number}", 600)
            await submit(store, gone)
            await end(store, gone)
        assert ("group g" in await owned(store)) is live
        await end(store, members)


async def test_jobs_of_a_group_in_which_others_may_stand_for_some_are_kept_each(store: Store) -> None:
    """The server lists no jobs of such a group."""
    await submit(store, ["a", "b"], group="g", unique=60.0)
    assert sorted(await owned(store)) == ["a", "b"]


@pytest.mark.parametrize("odd", ["nbq:job:odd", "nbq:group:odd"])
async def test_an_odd_key_is_let_go_of(store: Store, odd: str) -> None:
    """What another type stands for is no job that lives, and no reason to refuse one."""
    await store.client.set(odd, "odd", ex=60)
    await store.client.zadd(KEY, {"odd": 1, "group odd": 2, b"\xff\xfe": 3})
    for number in range(6):
        await submit(store, some(f"job-{number}", 400))
    found = await owned(store)
    assert [name for name in found if not name.startswith("job-")] == []
    assert len(found) == 2400


async def test_it_is_kept_as_long_as_what_is_due_last(store: Store) -> None:
    """A job that is due in months is found then; a newer one does not make that shorter."""
    await submit(store, ["later"], delay=90 * 86_400.0)
    await submit(store, ["now"])
    assert await store.client.pttl(KEY) > 119 * 86_400_000


async def test_states_of_many_are_read_at_once(store: Store) -> None:
    """Of what is no record there is none."""
    await submit(store, ["waits", "ended"])
    await end(store, ["ended"])
    await store.client.set("nbq:job:typed", "odd", ex=60)
    await store.client.hset("nbq:job:strange", "state", "strange")
    await store.client.expire("nbq:job:strange", 60)
    ids = ["waits", "ended", "unknown", "typed", "strange"]
    assert await jobs.states(store.client, KEYS, ids) == ["queued", "cancelled", None, None, None]
