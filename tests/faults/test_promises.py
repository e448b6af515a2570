"""What the scripts promise, whoever calls them in whichever order: fences, leases, one end."""

from collections.abc import Callable

import pytest

from nbqueue.broker import claims, scripts
from nbqueue.broker.claims import Claim, Finish
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.client.handle import Job
from nbqueue.client.submitter import submit
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import facts
from tests.servers import Server
from tests.waiting import until

KEYS = facts.KEYS


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], settings: Settings) -> None:
    connected(settings)


class Engine:
    """An engine's side of the wire, without an engine."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self._client = open_redis(parse_url(server.url))

    async def lease(self, *, begin: bool = True, length_s: float = claims.LEASE_S) -> bool:
        """Open or renew its lease."""
        call = claims.lease(KEYS, [self.name], begin=begin, length_s=length_s)
        return (await scripts.run(self._client, call))[0]

    async def claim(self) -> list[Claim]:
        """Claim what there is."""
        call = claims.claim(
            KEYS, queue="default", queue_key=KEYS.queue("default"), engine=self.name, loop_room=9, process_room=9
        )
        return (await scripts.run(self._client, call)).claims

    async def finish(self, claim: Claim, state: State = State.SUCCEEDED) -> bool:
        """Record an end."""
        end = Finish(job_id=claim.job_id, fence=claim.fence, state=state, charge="try", result=b"x", keep_s=60)
        return (await scripts.run(self._client, claims.finish(KEYS, self.name, [end])))[0]

    async def report(self, claim: Claim, log: str) -> bool:
        """Add to a job's log."""
        report = claims.Report(claim.job_id, claim.fence, log=log)
        return (await scripts.run(self._client, claims.report(KEYS, self.name, [report])))[0]

    async def reap(self, *dead: str, ended: bool = True) -> int:
        """Give back the jobs of others."""
        return await scripts.run(self._client, claims.reap(KEYS, dead, ended=ended))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


async def test_a_stale_claim_can_finish_and_report_nothing(server: Server) -> None:
    """Once a job was given to another engine, its old one can write neither an end nor a line of its log."""
    job = await submit(len, "four")
    old, new = Engine(server, "old"), Engine(server, "new")
    await old.lease()
    await new.lease()
    (lost,) = await old.claim()
    assert await new.reap("old") == 1
    (held,) = await new.claim()
    assert (lost.fence, held.fence, held.losses, held.tries) == (1, 2, 1, 0)
    assert not await old.report(lost, "late")
    assert not await old.finish(lost)
    assert await new.report(held, "in time")
    assert await new.finish(held)
    assert not await new.finish(held)
    assert not await old.finish(lost, State.QUEUED)
    with server.client() as client:
        assert facts.ends(client) == {job.id: ["succeeded"]}
        assert client.lrange(KEYS.log(job.id), 0, -1) == [b"in time"]
    await old.close()
    await new.close()


async def test_without_a_lease_nothing_is_claimed(server: Server) -> None:
    """An engine that never had a lease, or whose lease was reaped, gets no jobs until it opens one."""
    await submit(len, "four")
    engine = Engine(server, "engine")
    assert await engine.claim() == []
    await engine.lease()
    await engine.reap("engine")
    assert (await engine.claim(), await engine.lease(begin=False)) == ([], False)
    await engine.lease()
    (claim,) = await engine.claim()
    assert await engine.finish(claim)
    await engine.close()


async def test_leases_end_only_for_those_who_may_say_so(server: Server) -> None:
    """Naming a dead engine takes nothing from one that could not renew its lease yet; looking for ended leases does."""
    job = await submit(len, "four")
    slow, other = Engine(server, "slow"), Engine(server, "other")
    await slow.lease(length_s=0.05)
    (claim,) = await slow.claim()
    with server.client() as client:
        await until(lambda: facts.lease_left_s(client, "slow") < 0)
    assert await other.reap("somebody-else", ended=False) == 0
    assert await job.state() is State.RUNNING
    assert await other.reap() == 1
    assert await job.state() is State.QUEUED
    assert not await slow.finish(claim)
    await slow.close()
    await other.close()


async def test_three_losses_are_the_end(server: Server) -> None:
    """A job under which three workers were lost is crashed, says so, and is claimed by nobody again."""
    job: Job[int] = await submit(len, "four")
    engine = Engine(server, "engine")
    for _ in range(3):
        await engine.lease()
        assert len(await engine.claim()) == 1
        await engine.reap("engine")
    info = await job.info()
    assert (info.state, info.losses, info.tries, info.error_type) == (State.CRASHED, 3, 0, "JobCrashed")
    await engine.lease()
    assert await engine.claim() == []
    with server.client() as client:
        assert facts.ends(client) == {job.id: ["crashed"]}
        assert facts.attempts(client, job.id) == [(1, "lost"), (2, "lost"), (3, "crashed")]
    await engine.close()
