"""Jobs that nobody started in time end when their time has come, and cost nobody else anything."""

import asyncio
import json
from typing import Any

import pytest

from nbqueue.broker import claims, groups, history, queues
from nbqueue.model.states import State
from tests.broker.store import KEYS, Store

#: longer than the jobs here may wait
LATE_S = 0.005


async def expire(store: Store, *watched: str) -> bool:
    """End what is late by now; whether there may be more."""
    await asyncio.sleep(LATE_S)
    return bool(await store.call("expire", claims.expire(KEYS), *watched))


@pytest.mark.parametrize(
    "held", [{}, {"delay": 0.001}, {"own": {"after": ["parent"]}}], ids=["ready", "later", "blocked"]
)
async def test_a_late_job_ends_whatever_it_waits_for(store: Store, held: dict[str, Any]) -> None:
    """It is ready in a queue that nobody serves, due later, or waits for another job; its line is in the history."""
    await store.submit("parent")
    await store.submit("j", expires=0.003, **held)
    assert await expire(store, "j") is False
    assert (await store.record("j")).state is State.EXPIRED
    assert (await store.record("parent")).state is State.QUEUED
    assert await _history(store) == ["j"]
    assert await store.client.zcard(KEYS.expiring) == 0


async def test_what_has_started_or_left_is_not_looked_at(store: Store) -> None:
    """Claimed, cancelled and deleted jobs are off the list at once; one that was given back never expires."""
    for name in ("claimed", "cancelled", "other"):
        await store.submit(name, expires=60, priority=9 if name == "claimed" else 0)
    [claim] = await store.claim("claimed", room=1)
    await store.cancel("cancelled")
    assert await store.client.zrange(KEYS.expiring, 0, -1) == [b"other"]
    await store.finish(claim, State.QUEUED)
    await store.client.hset(KEYS.record("claimed"), "expires", "1")
    await store.client.zadd(KEYS.expiring, {"claimed": 1})
    assert await expire(store, "claimed") is False
    assert (await store.record("claimed")).state is State.QUEUED


async def test_many_are_ended_some_at_once(store: Store) -> None:
    """The rest is for the next call, and the counts of their group are right all the while."""
    count = claims.MOST_EXPIRED + 10
    for number in range(count):
        await store.submit(f"j{number}", group="g", size=count, expires=0.001)
    assert await expire(store) is True
    counts = await groups.counts(store.client, KEYS, "g")
    assert counts is not None
    assert counts.states[State.EXPIRED] == claims.MOST_EXPIRED
    assert await expire(store) is False
    assert (await queues.stats(store.client, KEYS, "default")).ended == {State.EXPIRED: count}


@pytest.mark.parametrize("damage", [{"submitted": "abc"}, {"expires": "soon"}, {"submitted": "9" * 400}], ids=str)
async def test_a_damaged_record_keeps_no_other_from_its_end(store: Store, damage: dict[str, str]) -> None:
    """It is left alone; those beside it end, and are counted."""
    for name in ("before", "damaged", "behind"):
        await store.submit(name, group="g", size=3, expires=0.001)
    await store.client.hset(KEYS.record("damaged"), mapping=damage)
    assert await expire(store) is False
    assert [(await store.record(name)).state for name in ("before", "behind")] == [State.EXPIRED] * 2
    counts = await groups.counts(store.client, KEYS, "g")
    assert counts is not None
    assert counts.states[State.EXPIRED] == 2
    assert len(await _history(store)) == 2


async def test_a_key_of_a_wrong_type_is_left_to_the_claims(store: Store) -> None:
    """Submits go on, and a claim still sees that a job is too late."""
    await store.client.set(KEYS.expiring, "x")
    await store.submit("j", expires=0.001)
    assert await expire(store, "j") is False
    assert await store.claim("j") == []
    assert (await store.record("j")).state is State.EXPIRED
    await store.client.delete(KEYS.expiring)


async def _history(store: Store) -> list[str]:
    """The jobs of the history, in order."""

    async def ask(act: Any) -> Any:
        return await act(store.client)

    return [json.loads(text)["job"] async for page in history.pages(ask, KEYS) for text in page.texts]
