"""A worker forgets what of the history is beyond its retention, and says when the server gets full."""

import json
import time
from typing import Any

import pytest
import redis

from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.servers import Server, running_server
from tests.waiting import wait_until
from tests.workers import running_worker

KEYS = Keys()
HOUR_MS = 3_600_000


def _write(client: redis.Redis, count: int, *, hours_ago: int, queue: str = "default") -> None:
    """Attempts that ended then, as the scripts would have written them, a line an entry; with their jobs' records."""
    at = round(time.time() * 1000) - hours_ago * HOUR_MS
    pipe: Any = client.pipeline()
    pipe.sadd(KEYS.queues, queue)
    for number in range(1, count + 1):
        name = f"{queue}-{hours_ago}-{number}"
        pipe.xadd(KEYS.history(queue), {"records": json.dumps({"job": name}), "to": number}, id=f"{at}-{number}")
        pipe.hset(KEYS.record(name), mapping={"state": "succeeded", "finished": at})
        pipe.pexpire(KEYS.record(name), 40 * 24 * HOUR_MS)
    pipe.hset(KEYS.histories, f"q:{queue}", count)
    pipe.execute()


def _records(client: redis.Redis) -> int:
    return sum(1 for _ in client.scan_iter(match=KEYS.record("*"), count=1000))


def _fill(client: redis.Redis, share: float) -> None:
    """Fill a server's memory up to a share of what it may hold."""
    info: Any = client.info("memory")
    for number in range(int((share * info["maxmemory"] - info["used_memory"]) // 100_000)):
        client.set(f"filler-{share}-{number}", b"x" * 100_000)


def test_a_worker_forgets_what_is_too_old_and_too_much(server: Server, settings: Settings) -> None:
    """Of every queue of the server, whether it serves it or not, many calls' worth at once."""
    with server.client() as client:
        _write(client, 300, hours_ago=31 * 24, queue="old")
        _write(client, 300, hours_ago=2, queue="much")
        client.hset(KEYS.retention, "much", f"{24 * HOUR_MS} 100")
        with running_worker(settings):
            wait_until(lambda: _records(client) == 100, 20)
            wait_until(lambda: not client.exists(KEYS.history("old")), 20)
        assert client.xlen(KEYS.history("much")) == 100


@pytest.mark.slow
def test_nothing_is_forgotten_while_somebody_archives_it(server: Server, settings: Settings) -> None:
    """What is to be archived waits; a day after the last time it goes all the same."""
    with server.client() as client:
        client.set(KEYS.archive, "/archive", px=60_000)
        _write(client, 50, hours_ago=31 * 24)
        with running_worker(settings):
            wait_until(lambda: client.exists(KEYS.pruner), 20)
            wait_until(lambda: client.pttl(KEYS.pruner) < 9_000, 20)
            assert _records(client) == 50
            client.delete(KEYS.archive)
            wait_until(lambda: _records(client) == 0, 30)


@pytest.mark.slow
def test_a_server_that_gets_full_is_told_of_and_forgets(tmp_path: Any) -> None:
    """At 80 % of its memory the worker warns; from 90 % on the oldest history goes, whatever its retention."""
    with running_server(maxmemory="60mb", maxmemory_policy="noeviction") as server, server.client() as client:
        _write(client, 400, hours_ago=2)
        settings = Settings(url=server.url, home=tmp_path)
        with running_worker(settings) as worker:
            wait_until(lambda: client.exists(KEYS.pruner), 20)
            assert "The server holds" not in worker.log
            _fill(client, 0.84)
            wait_until(lambda: "The server holds" in worker.log, 30)
            assert _records(client) == 400
            _fill(client, 0.93)
            wait_until(lambda: _records(client) == 0, 60)
            assert worker.log.count("The server holds") == 1
            wait_until(lambda: "attempts of queue default were forgotten: the server is nearly full." in worker.log, 20)
