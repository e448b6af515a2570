"""All queues at a glance, bounded whatever there is of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import nbqueue
from nbqueue.broker import overview
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.broker.overview import MOST_QUEUES, Overview
from nbqueue.model.settings import Settings
from tests.servers import Server


@pytest.fixture
async def look(settings: Settings) -> AsyncIterator[Look]:
    """Looks at the test's server."""
    nbqueue.configure(settings)
    client = open_redis(parse_url(str(settings.url)))
    yield Look(client)
    await client.aclose()


class Look:
    """Looks at all queues."""

    def __init__(self, client: object) -> None:
        self._client = client

    async def __call__(self, *, most_jobs: int = 100, queue: str = "") -> Overview:
        """How they stand."""
        return await overview.look(self._client, Keys(), most_jobs=most_jobs, queue=queue)


async def test_numbers_and_ids_of_each_queue(look: Look) -> None:
    """What is ready and what is delayed is named; what is held back too, and the oldest is known."""
    ready = await nbqueue.options(queue="a").submit(abs, 1)
    later = await nbqueue.options(queue="a", delay=60).submit(abs, 2)
    blocked = await nbqueue.options(queue="b", after=[ready]).submit(abs, 3)
    found = await look()
    assert [each.stats.name for each in found.queues] == ["a", "b"]
    assert [each.waiting for each in found.queues] == [(ready.id, later.id), (blocked.id,)]
    stats = [each.stats for each in found.queues]
    assert stats == [await nbqueue.Queue("a").stats(), await nbqueue.Queue("b").stats()]
    assert (stats[0].queued, stats[0].scheduled, stats[1].blocked) == (1, 1, 1)
    assert [each.measure.depth for each in found.queues] == [1, 0]


async def test_an_empty_server_has_none(look: Look) -> None:
    """The server's clock is told all the same."""
    found = await look()
    assert (found.queues, found.left_out, found.at_ms > 0) == ((), 0, True)


async def test_ids_are_bounded_and_shared(look: Look) -> None:
    """Many jobs of one queue leave room for those of others; of a chosen queue all that was asked for is named."""
    await nbqueue.options(queue="big").submit_map(abs, range(300))
    small = await nbqueue.options(queue="small").submit(abs, 1)
    found = await look(most_jobs=200)
    assert [len(each.waiting) for each in found.queues] == [100, 1]
    chosen = await look(most_jobs=200, queue="big")
    assert [len(each.waiting) for each in chosen.queues] == [200, 0]
    assert chosen.queues[1].stats.queued == 1
    assert found.queues[1].waiting == (small.id,)


async def test_of_very_many_queues_the_fullest_are_looked_at(look: Look) -> None:
    """The others are counted."""
    for number in range(MOST_QUEUES + 2):
        await nbqueue.options(queue=f"q{number:02}").submit(abs, number)
    await nbqueue.options(queue="zzz").submit_map(abs, range(3))
    found = await look()
    assert (len(found.queues), found.left_out, found.queues[-1].stats.name) == (MOST_QUEUES, 3, "zzz")


async def test_what_none_of_ours_wrote_hides_no_queue(look: Look, server: Server) -> None:
    """A key of another type, or odd counts, take their own queue out of the picture alone."""
    await nbqueue.options(queue="good").submit(abs, 1)
    with server.client() as client:
        client.sadd("nbq:queues", "typed", "counted", "gated")
        client.set("arq:queue:typed", "no queue", ex=60)
        client.hset("nbq:counts:counted", "strange", "1")
        client.expire("nbq:counts:counted", 60)
        client.set("nbq:gates:gated", "no gates", ex=60)
    assert [each.stats.name for each in (await look()).queues] == ["good"]
