"""A server in which many jobs wait, and an engine that claims from it, all through the broker: no worker, no client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbqueue.broker import claims, jobs
from nbqueue.broker.bounds import READY_LIMIT
from nbqueue.broker.claims import Claimed, Finish
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import run, run_all
from nbqueue.model.options import Options, check
from nbqueue.model.states import State
from tests.servers import Server

QUEUE, ENGINE = "default", "e"
#: jobs of one claim, and of one submit
ROOM, TOGETHER = 64, 1_000
LEASE_S = 3_600.0
#: no claim: what has to be read of a job to run it, and one field written
LOOK = """
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3])) do
  redis.call('HMGET', ARGV[1] .. 'nbq:job:' .. id, 'state', 'function', 'more', 'rank')
  redis.call('GET', ARGV[1] .. 'arq:job:' .. id)
  redis.call('HSET', ARGV[1] .. 'nbq:job:' .. id, 'looked', '1')
end
"""
PLAIN = check()
#: as many bytes as a call of a registered function takes, signed
SUBMISSION = b"x" * 400


class Crowd:
    """Submits, claims and ends jobs that nobody runs."""

    def __init__(self, server: Server) -> None:
        self._client = open_redis(parse_url(server.url), socket_timeout_s=60.0)
        self._keys = Keys()
        self._made = self._looks = 0

    async def begin(self) -> None:
        """On an empty store, with a lease."""
        await self._client.flushall()
        await run(self._client, claims.lease(self._keys, [ENGINE], begin=True, length_s=LEASE_S))
        await self._client.config_resetstat()

    async def submit(self, count: int, function: str = "noop", options: Options = PLAIN) -> None:
        """So many jobs more."""
        sizes = [min(TOGETHER, count - start) for start in range(0, count, TOGETHER)]
        for size in sizes:
            await run(self._client, jobs.submit(self._keys, self._batch(size, function, options)))

    async def claim(self) -> Claimed:
        """The jobs that are next."""
        return await run(self._client, self._claim())

    async def timed_claim(self) -> tuple[dict[str, int], float]:
        """The same, id -> fence, and how many seconds of the server's own clock it took."""
        before = await self._script_us()
        claimed = await self.claim()
        seconds = (await self._script_us() - before) / 1e6
        return {each.job_id: each.fence for each in claimed.claims}, seconds

    async def timed_look(self) -> float:
        """The seconds that the server takes to read the records of as many jobs and touch each; others each time."""
        sha = await self._client.script_load(LOOK)
        behind = (self._looks * ROOM) % await self._client.zcard(self._keys.queue(QUEUE))
        self._looks += 1
        before = await self._script_us()
        await self._client.evalsha(sha, 1, self._keys.queue(QUEUE), self._keys.prefix, behind, behind + ROOM - 1)
        return (await self._script_us() - before) / 1e6

    async def finish(self, held: Mapping[str, int]) -> None:
        """End claims: id -> fence."""
        ends = [Finish(job_id, fence, State.SUCCEEDED) for job_id, fence in held.items()]
        await run(self._client, claims.finish(self._keys, ENGINE, ends))

    async def held(self) -> dict[str, int]:
        """What was claimed and has not ended."""
        return await claims.held(self._client, self._keys, ENGINE)

    async def park_ready(self) -> None:
        """Claim until nothing is ready any more: what is over its limit is put behind it then."""
        while await self._client.zcount(self._keys.queue(QUEUE), "-inf", f"({READY_LIMIT}"):
            await run_all(self._client, [self._claim()] * 20)

    async def close(self) -> None:
        """Forget all."""
        await self._client.flushall()
        await self._client.aclose()

    def _claim(self) -> Any:
        return claims.claim(
            self._keys, queue=QUEUE, queue_key=self._keys.queue(QUEUE), engine=ENGINE, loop_room=ROOM, process_room=0
        )

    def _batch(self, count: int, function: str, options: Options) -> jobs.Batch:
        self._made += count
        found = [(f"{number:032x}", SUBMISSION) for number in range(self._made - count, self._made)]
        return jobs.Batch(options=options, function=function, lane=jobs.LANE_LOOP, jobs=found)

    async def _script_us(self) -> int:
        told = await self._client.info("commandstats")
        return int(told.get("cmdstat_evalsha", {"usec": 0})["usec"])
