"""The scripts as tests speak them, on a real server."""

from collections.abc import Mapping
from typing import Any

from nbqueue.broker import claims, events, jobs, scripts
from nbqueue.broker.claims import Claim, Claimed, Finish
from nbqueue.broker.keys import Keys
from nbqueue.model.job import JobRecord
from nbqueue.model.options import check
from nbqueue.model.resources import parse
from nbqueue.model.states import State

KEYS = Keys()
ENGINE = "engine-1"


class Store:
    """The scripts as a test speaks them, noting every change of state."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.seen: set[tuple[State | None, State, str]] = set()

    async def call(self, script: str, call: scripts.Call[Any], *job_ids: str) -> Any:
        """Run a script and note what it did to some jobs."""
        before = await self.states(*job_ids)
        reply = await scripts.run(self.client, call)
        for old, new in zip(before, await self.states(*job_ids), strict=True):
            if new is not None and old != new:
                self.seen.add((old, new, script))
        return reply

    async def states(self, *job_ids: str) -> list[State | None]:
        """The state of each job."""
        return [record.state if record else None for record in await jobs.records(self.client, KEYS, job_ids)]

    async def submit(
        self, job_id: str, *watched: str, function: str = "f", own: Mapping[str, Any] | None = None, group: str = "",
        size: int = 0, **options: Any,
    ) -> str:  # fmt: skip
        """Submit one job; its state, or which other it is."""
        batch = jobs.Batch(
            options=check(**options), function=function, lane=jobs.LANE_LOOP, jobs=[(job_id, b"{}")], group=group,
            size=size, own={job_id: own} if own else {},
        )  # fmt: skip
        [answer] = await self.call("submit", jobs.submit(KEYS, batch), job_id, *watched)
        return str(answer)

    async def remove(self, job_id: str) -> str:
        """Forget a job, and note the end that was told of it."""
        [before] = await self.states(job_id)
        position = await events.newest(self.client, KEYS)
        [answer] = await scripts.run(self.client, jobs.remove(KEYS, [job_id]))
        _, changes = await events.changes_after(self.client, KEYS, position)
        self.seen |= {(before, change.state, "remove") for change in changes}
        return str(answer)

    async def settle(self, *watched: str) -> bool:
        """Tell jobs of the ends they waited for; whether there are more."""
        return bool(await self.call("settle", jobs.settle(KEYS), *watched))

    async def claim(
        self, *watched: str, engine: str = ENGINE, queue: str = "default", room: int = 10, free: str = ""
    ) -> list[Claim]:
        """Claim all there is room for."""
        return list((await self.claimed(*watched, engine=engine, queue=queue, room=room, free=free)).claims)

    async def claimed(
        self, *watched: str, engine: str = ENGINE, queue: str = "default", room: int = 10, free: str = ""
    ) -> Claimed:
        """The whole answer to a claim."""
        await scripts.run(self.client, claims.lease(KEYS, [engine], begin=True))
        call = claims.claim(
            KEYS,
            queue=queue,
            queue_key=KEYS.queue(queue),
            engine=engine,
            loop_room=room,
            process_room=room,
            resources=parse(free),
        )
        found: Claimed = await self.call("claim", call, *watched)
        return found

    async def finish(
        self,
        claim: Claim,
        state: State = State.SUCCEEDED,
        delay_s: float = 0.0,
        *,
        engine: str = ENGINE,
        keep_s: float = 60,
    ) -> bool:
        """Finish a claim."""
        end = Finish(
            job_id=claim.job_id, fence=claim.fence, state=state, delay_s=delay_s, charge="try", record="{}",
            result=b"value" if state is State.SUCCEEDED else b"", keep_s=keep_s,
        )  # fmt: skip
        (accepted,) = await self.call("finish", claims.finish(KEYS, engine, [end]), claim.job_id)
        return bool(accepted)

    async def reap(self, *job_ids: str, engine: str = ENGINE) -> None:
        """Give back what a dead engine held."""
        await self.call("reap", claims.reap(KEYS, [engine]), *job_ids)

    async def cancel(self, job_id: str) -> str:
        """Cancel a job."""
        (answer,) = await self.call("cancel", jobs.cancel(KEYS, [job_id]), job_id)
        return str(answer)

    async def record(self, job_id: str) -> JobRecord:
        """What is known of a job."""
        [found] = await jobs.records(self.client, KEYS, [job_id])
        assert found is not None
        return found
