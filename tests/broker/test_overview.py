"""All queues at a glance, bounded whatever there is of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import nbqueue
from nbqueue.broker import overview, queues, waits
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.broker.overview import MOST_QUEUES, Overview
from nbqueue.model.settings import Settings
from tests.broker.store import Store
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

    def __init__(self, client: Any) -> None:
        self.client = client

    async def __call__(self, *, most_jobs: int = 100, queue: str = "") -> Overview:
        """How they stand."""
        return await overview.look(self.client, Keys(), most_jobs=most_jobs, queue=queue)

    async def park(self, queue: str, count: int) -> None:
        """Have an engine ask for the jobs of a queue until so many that may not start are behind their gates."""
        while sum((await queues.stats(self.client, Keys(), queue)).held_back.values()) < count:
            assert await Store(self.client).claim(queue=queue) == []


async def test_numbers_and_ids_of_each_queue(look: Look) -> None:
    """What is ready and what is delayed is named; what is held back too, and the oldest is known."""
    ready = await nbqueue.options(queue="a").submit(abs, 1)
    later = await nbqueue.options(queue="a", delay=60).submit(abs, 2)
    blocked = await nbqueue.options(queue="b", after=[ready]).submit(abs, 3)
    found = await look()
    assert [each.stats.name for each in found.queues] == ["a", "b"]
    assert [each.waiting for each in found.queues] == [(ready.id, later.id), (blocked.id,)]
    stats = [each.stats for each in found.queues]
    assert stats == [await queues.stats(look.client, Keys(), name) for name in ("a", "b")]
    assert (stats[0].queued, stats[0].scheduled, stats[1].blocked) == (1, 1, 1)
    oldest = await waits.oldest_s(look.client, Keys(), ("a", "b"))
    assert [each is None for each in oldest] == [False, True]


async def test_an_empty_server_has_none(look: Look) -> None:
    """The server's clock is told all the same."""
    found = await look()
    assert (found.queues, found.others, found.at_ms > 0) == ((), (), True)


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
    """The others are counted: what is ready, delayed and held back, and what ended; strange keys count for nothing."""
    for number in range(MOST_QUEUES):
        await nbqueue.options(queue=f"q{number:02}").submit_map(abs, [number] * 2)
    delayed = await nbqueue.options(queue="delayed", delay=60).submit(abs, 1)
    await nbqueue.options(queue="blocked", after=[delayed]).submit(abs, 1)
    await (await nbqueue.options(queue="done").submit(abs, 1)).cancel()
    await nbqueue.options(queue="zzz").submit_map(abs, range(3))
    found = await look()
    assert (len(found.queues), len(found.others), found.queues[-1].stats.name) == (MOST_QUEUES, 4, "zzz")
    others = await overview.rest(look.client, Keys(), ("delayed", "blocked", "done", "q29"))
    assert [(each.queued, each.scheduled, dict(each.ended)) for each in others] == [
        (0, 1, {}), (1, 0, {}), (0, 0, {"cancelled": 1}), (2, 0, {}),
    ]  # fmt: skip
    await look.client.set("arq:queue:strange", "no queue", ex=60)
    await look.client.hset("nbq:counts:strange", "odd", "x")
    await look.client.expire("nbq:counts:strange", 60)
    (strange,) = await overview.rest(look.client, Keys(), ("strange",))
    assert (strange.queued, strange.scheduled, strange.running, strange.ended) == (0, 0, 0, {})


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


async def test_gates_of_a_queue_share_its_room(look: Look) -> None:
    """Behind many gates no more jobs are named than behind one, each gate has its share, and none is wasted."""
    for number in range(4):
        await nbqueue.jobs.pause(tag=f"t{number}")
        # behind the first gate there are few: what it leaves goes to the others
        await nbqueue.options(queue="gated", tags=[f"t{number}"]).submit_map(abs, range(10 if number == 0 else 80))
    await look.park("gated", 250)
    (found,) = (await look(most_jobs=100, queue="gated")).queues
    assert (len(found.waiting), found.stats.queued, sum(found.stats.held_back.values())) == (100, 250, 250)
    named = [await nbqueue.attach(job_id) for job_id in found.waiting]
    tags = sorted([(await job.info()).tags[0] for job in named])
    assert [tags.count(f"t{number}") for number in range(4)] == [10, 30, 30, 30]


@pytest.mark.parametrize(
    ("room", "sizes", "shares"),
    [(100, [10, 80, 80, 80], [10, 30, 30, 30]), (100, [], []), (3, [5, 0, 5], [1, 0, 2]), (0, [4], [0]), (9, [4], [4])],
)
def test_room_is_divided(room: int, sizes: list[int], shares: list[int]) -> None:
    """Equal shares, nobody has more than there is, and together they have no more than the room."""
    assert overview.divided(room, sizes) == shares


async def test_jobs_held_back_in_a_queue_that_was_not_chosen_are_not_read(look: Look, server: Server) -> None:
    """They are counted, and none of their ids goes over the wire."""
    blocked = await nbqueue.options(queue="a", delay=60).submit(abs, 1)
    await nbqueue.options(queue="b", after=[blocked]).submit_map(abs, range(200))
    with server.client() as client:
        sent = _sent_bytes(client)
        found = await look(most_jobs=1000, queue="a")
        sent = _sent_bytes(client) - sent
    assert ([each.waiting for each in found.queues], found.queues[1].stats.blocked) == ([(blocked.id,), ()], 200)
    assert sent < 200 * len(blocked.id)


async def test_a_chosen_queue_is_looked_at_however_many_there_are(look: Look) -> None:
    """The smallest of many is there when it was asked for."""
    for number in range(MOST_QUEUES):
        await nbqueue.options(queue=f"q{number:02}").submit_map(abs, range(2))
    small = await nbqueue.options(queue="small").submit(abs, 1)
    found = {each.stats.name: each.waiting for each in (await look(queue="small")).queues}
    assert (found["small"], len(found)) == ((small.id,), MOST_QUEUES)


async def test_odd_gates_hide_nothing(look: Look, server: Server) -> None:
    """A gate's name that is no text, or jobs of it that are no set, cost nothing but themselves."""
    await nbqueue.jobs.pause(tag="held")
    job = await nbqueue.options(queue="good", tags=["held"]).submit(abs, 1)
    await look.park("good", 1)
    with server.client() as client:
        client.zadd("nbq:gates:good", {b"f:\xff\xfe": 1, "t:typed": 1})
        client.set("nbq:parked:good:t:typed", "no jobs", ex=60)
    for queue in ("", "good"):
        (found,) = (await look(queue=queue)).queues
        assert (found.waiting, found.stats.held_back) == ((job.id,), {"t:held": 1, "f:\ufffd\ufffd": 0, "t:typed": 0})


def _sent_bytes(client: Any) -> int:
    return int(client.info("stats")["total_net_output_bytes"])
