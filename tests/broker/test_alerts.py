"""How queues are measured for alerts, and what alerts keep in the server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from nbqueue.broker import alerts, scripts
from nbqueue.broker.alerts import StoredAlert
from nbqueue.broker.bounds import PROCESS_RANK, RANKS_A_PRIORITY
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.model.alerting import Limits, Measure, Memory, judge
from tests.servers import Server

KEYS = Keys()
#: long enough ago to be told from now
AGO_MS = 100_000


@pytest.fixture
def plain(server: Server) -> redis.Redis:
    """A plain client, to put in what submit and claim would."""
    return server.client()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    """A client as workers have it."""
    client = open_redis(parse_url(server.url))
    yield client
    await client.aclose()


def now_ms(plain: redis.Redis) -> int:
    """The server's clock."""
    clock: Any = plain.time()
    return int(clock[0]) * 1000 + int(clock[1]) // 1000


def put(plain: redis.Redis, key: str, job_id: str, rank: float, **record: Any) -> None:
    """A waiting job."""
    plain.zadd(key, {job_id: rank})
    plain.hset(KEYS.record(job_id), mapping={"state": "queued", **record})
    plain.pexpire(KEYS.record(job_id), 60_000)


async def measured(client: Any, *queues: str) -> list[Measure]:
    """The measures of some queues."""
    return await scripts.run(client, alerts.measure(KEYS, queues))


async def test_what_waits_is_counted(client: Any, plain: redis.Redis) -> None:
    """Ready jobs, and waiting ones that are due; not those of later, those that run, or those that wait for others."""
    now, key = now_ms(plain), KEYS.queue("q")
    put(plain, key, "ready", 99 * RANKS_A_PRIORITY + 1, submitted=now - 2_000)
    put(plain, key, "due", now - 5_000, submitted=now - AGO_MS, due=now - 5_000)
    put(plain, key, "later", now + AGO_MS, submitted=now - AGO_MS)
    put(plain, key, "runs", 9e15, submitted=now - AGO_MS)
    plain.zadd("nbq:gates:q", {"l:f:x": 0, "blocked": 0})
    put(plain, "nbq:parked:q:l:f:x", "limited", 99 * RANKS_A_PRIORITY + 2, submitted=now - 7_000)
    put(plain, "nbq:parked:q:blocked", "blocked", 99 * RANKS_A_PRIORITY, submitted=now - AGO_MS)
    [found, empty] = await measured(client, "q", "other")
    assert (found.depth, round(found.oldest_s), empty.depth, empty.oldest_s) == (3, 7, 0, 0.0)
    plain.delete("nbq:gates:q", "nbq:parked:q:l:f:x", "nbq:parked:q:blocked")


async def test_the_oldest_of_many_is_found_without_a_scan(client: Any, plain: redis.Redis) -> None:
    """The first of each lane and priority is looked at, however many stand behind it."""
    now, key = now_ms(plain), KEYS.queue("q")
    for lane in (0, PROCESS_RANK):
        for priority in (89, 99, 109):
            base = lane + priority * RANKS_A_PRIORITY
            plain.zadd(key, {f"{lane}-{priority}-{number}": base + number for number in range(1, 3_000)})
    put(plain, key, "oldest", PROCESS_RANK + 109 * RANKS_A_PRIORITY, submitted=now - AGO_MS)
    await measured(client, "q")
    plain.config_resetstat()
    [found] = await measured(client, "q")
    stats: Any = plain.info("commandstats")
    assert (found.depth, round(found.oldest_s)) == (6 * 2_999 + 1, AGO_MS // 1000)
    assert stats["cmdstat_zrangebyscore"]["calls"] <= 8


async def test_ends_are_counted(client: Any, plain: redis.Redis) -> None:
    """Cancelled jobs are neither good nor bad; a key of a wrong type counts as nothing and hides no other queue."""
    plain.hset(KEYS.counts("q"), mapping={"succeeded": 5, "failed": 2, "crashed": 1, "cancelled": 7, "expired": 1})
    plain.set(KEYS.queue("broken"), "no zset", px=60_000)
    [broken, found] = await measured(client, "broken", "q")
    assert ((found.ended, found.bad), (broken.depth, broken.ended)) == ((9, 4), (0, 0))


async def test_only_the_first_of_two_raises(client: Any, plain: redis.Redis) -> None:
    """Two workers that look at once leave word once; an alert that was removed leaves none."""
    alert = StoredAlert(id="a", limits=Limits(queue="q", depth=0), hook="host:80 key signature http://host/")
    await alerts.store(client, KEYS, alert)
    assert await alerts.stored(client, KEYS) == [alert]
    [measure] = await measured(client, "q")
    memory, crossings = judge(alert.limits, Memory(), Measure(at=measure.at, depth=3))
    call = alerts.rise(KEYS, alert, "", memory, crossings)
    assert [await scripts.run(client, call), await scripts.run(client, call)] == [True, False]
    assert plain.zcard(KEYS.hooks) == 1
    assert alerts.remembered(*await alerts.memories(client, KEYS, ["a"])) == memory
    assert await alerts.remove(client, KEYS, "a")
    assert not await scripts.run(client, alerts.rise(KEYS, alert, alerts.written(memory), memory, crossings))
    assert (plain.zcard(KEYS.hooks), plain.exists(KEYS.alarms)) == (1, 0)


async def test_alerts_that_we_did_not_write(client: Any, plain: redis.Redis) -> None:
    """What cannot be read is left out, and what is remembered wrongly is forgotten."""
    odd = {"a": "no json", "b": "[]", "c": '{"hook": "x"}', "d": '{"hook": 1, "queue": 2, "odd": 3}'}
    odd |= {"e": '{"hook": "x", "queue": "q", "depth": "many", "window_s": 5}', "f": '{"hook": "x", "queue": "q"}'}
    odd |= {"g": '{"hook": "x", "queue": "q", "oldest_s": 1e999, "window_s": 5}'}
    plain.hset(KEYS.alerts, mapping=odd)
    assert await alerts.stored(client, KEYS) == []
    assert [alerts.remembered(text) for text in ("", "no json", "[]", '{"firing": 1}')] == [Memory()] * 4
