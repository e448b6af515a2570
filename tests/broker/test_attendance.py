"""Which queues are served, as the server knows it."""

import json
import time

from nbqueue.broker.attendance import offers
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from tests.servers import Server

HOLDS, RAN_OUT = 600, -600  # seconds from now


async def found(server: Server, engines: dict[str, tuple[int, str]]) -> frozenset[str]:
    """The served queues where these engines are written: name -> (seconds its lease still holds, its queues)."""
    now = time.time()
    with server.client() as client:
        for name, (holds_s, queues) in engines.items():
            client.zadd("nbq:leases", {name: round((now + holds_s) * 1000)})
            client.hset(f"nbq:engine:{name}", "queues", queues)
            client.pexpire(f"nbq:engine:{name}", 60_000)
    client = open_redis(parse_url(server.url))
    try:
        return frozenset(await offers(client, Keys()))
    finally:
        await client.aclose()


async def test_the_queues_of_engines_that_live(server: Server) -> None:
    """All queues of all engines whose lease holds count; those of an engine that is gone do not."""
    assert await found(server, {}) == frozenset()
    engines = {
        "one": (HOLDS, json.dumps(["a", "b"])), "two": (HOLDS, json.dumps(["b", "c"])),
        "gone": (RAN_OUT, json.dumps(["d"])),
    }  # fmt: skip
    assert await found(server, engines) == {"a", "b", "c"}


async def test_what_no_engine_wrote_is_passed_over(server: Server) -> None:
    """Odd entries hide nothing, and raise nothing."""
    engines = {"one": (HOLDS, '["a"]'), "two": (HOLDS, "no json"), "three": (HOLDS, '{"b": 1}'), "ö": (HOLDS, '["e"]')}
    assert await found(server, engines) == {"a"}
    with server.client() as client:
        client.delete("nbq:leases")
        client.set("nbq:leases", "x", px=60_000)
        client.delete("nbq:engine:one")
    assert await found_only(server) == frozenset()


async def found_only(server: Server) -> frozenset[str]:
    """The served queues as they are."""
    return await found(server, {})
