"""A queue on a real server and the model beside it: each step is made in both, and answers the same."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from nbqueue.broker import blobs, claims, groups, jobs, queues, scripts
from nbqueue.broker.claims import Claimed, Finish
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.model.limits import Limit
from nbqueue.model.options import check
from nbqueue.model.resources import parse
from nbqueue.model.states import State
from tests.broker.model_job import DUE, LATER, Most, Spec
from tests.broker.model_queue import ModelQueue
from tests.broker.snapshot import KEYS, Snapshot, differences
from tests.servers import Server

QUEUES = ("one", "two")
#: digests of large pieces of arguments
BLOBS = ("aa" * 32, "bb" * 32)
HOUR_MS = 3_600_000
A_MOMENT_S, AN_HOUR_S = 0.001, 3600.0
#: how long a step lets pass after it asked for a moment
PASSES_S = 0.003


class QueueTwin(RuleBasedStateMachine):
    """One example begins with an empty server and an empty model."""

    #: set by whoever runs the machine
    server: ClassVar[Server]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.model = ModelQueue()
        #: every claim that was ever made: (job, engine, fence)
        self.claims: list[tuple[str, str, int]] = []
        self.client: Any = None
        self.run(self._open())

    def run(self, work: Any) -> Any:
        """Wait for the server."""
        return self.runner.run(work)

    def ask(self, call: scripts.Call[Any]) -> Any:
        """Run a script."""
        return self.run(scripts.run(self.client, call))

    async def _open(self) -> None:
        self.client = open_redis(parse_url(self.server.url))
        await self.client.flushall()

    def let_pass(self, *, moment: bool = True) -> None:
        """Let a moment pass, where something waits for it."""
        if moment:
            self.run(asyncio.sleep(PASSES_S))

    def submit_all(self, names: list[str], spec: Spec) -> None:
        """Submit jobs; the answers are the model's."""
        own: dict[str, Any] = {"after": spec.after} if spec.after else {}
        if spec.once:
            own["digest"] = spec.once[1]
        if spec.blobs:
            own["blobs"] = spec.blobs
            for digest in spec.blobs:
                self.run(blobs.leave(self.client, KEYS, digest, b"large"))
        batch = jobs.Batch(
            options=check(**options_of(spec)), function=spec.function, lane=spec.lane,
            jobs=[(name, b"{}") for name in names], group=spec.group, own=dict.fromkeys(names, own) if own else {},
        )  # fmt: skip
        answers = self.ask(jobs.submit(KEYS, batch))
        assert answers == self.model.submit(names, spec)
        self.let_pass(moment=spec.wait == DUE or spec.late)

    def take(
        self, queue: str, engine: str, room: tuple[int, int], free: dict[str, int], lacks: Sequence[str] = ()
    ) -> list[str]:
        """Have an engine take jobs: exactly those that the model gives it."""
        self.ask(claims.lease(KEYS, [engine], begin=True, length_s=AN_HOUR_S))
        call = claims.claim(
            KEYS, queue=queue, queue_key=KEYS.queue(queue), engine=engine, loop_room=room[0], process_room=room[1],
            resources=parse(",".join(f"{name}={amount}" for name, amount in free.items())),
            lacks={what: ["e1"] for what in lacks},
        )  # fmt: skip
        claimed: Claimed = self.ask(call)
        found = [claim.job_id for claim in claimed.claims]
        expected = self.model.claim(queue, engine, room, free, lacks)
        assert found == expected, f"found {found}, expected {expected}"
        self.claims += [(claim.job_id, engine, claim.fence) for claim in claimed.claims]
        self._expire(queue)
        return found

    def _expire(self, queue: str) -> None:
        """A late job that is held back may have been looked at, or not."""
        late = [
            job.id
            for job in self.model.jobs.values()
            if job.is_late and job.state is State.QUEUED and job.queue == queue
        ]
        for record in self.run(jobs.records(self.client, KEYS, late)):
            if record.state is State.EXPIRED:
                assert queue not in self.model.paused_queues
                assert self.model.expire(record.id)

    def free_of(self, engine: str, offered: dict[str, int]) -> dict[str, int]:
        """What an engine has free of what it offers."""
        held = [job for job in self.model.jobs.values() if job.state is State.RUNNING and job.engine == engine]
        free = {name: amount - sum(job.spec.needs.get(name, 0) for job in held) for name, amount in offered.items()}
        return {name: amount for name, amount in free.items() if amount > 0}

    def explain(self, queue: str, free: dict[str, int]) -> None:
        """Each job that could not start stands behind a gate that is closed for it."""
        snapshot = self.run(Snapshot.of(self.client))
        for job in self.model.jobs.values():
            if job.queue == queue not in self.model.paused_queues and job.state is State.QUEUED and not job.waits_for:
                gate = snapshot.gate_of(job.id)
                assert gate in self.model.gates(job, free), (job, gate)

    def end(
        self, claim: tuple[str, str, int], end: tuple[State, str], wait: str, *, to_process: bool, lacked: str = ""
    ) -> None:
        """Record the end of an attempt; it counts where it does in the model."""
        job_id, engine, fence = claim
        state, charge = end
        to_process = to_process and state is State.QUEUED
        lacked = lacked if state is State.QUEUED and charge == "none" else ""
        delay_s = claims.TO_PROCESS_LANE_S if to_process else {DUE: A_MOMENT_S, LATER: AN_HOUR_S}[wait]
        call = Finish(
            job_id=job_id, fence=fence, state=state, delay_s=delay_s, charge=charge, record="{}",  # type: ignore[arg-type]
            result=b"value" if state is State.SUCCEEDED else b"", keep_s=AN_HOUR_S,
            lacked=lacked,
        )  # fmt: skip
        [accepted] = self.ask(claims.finish(KEYS, engine, [call]))
        assert accepted == self.model.finish(claim, state, charge, wait, to_process=to_process, lacked=lacked)
        self.let_pass(moment=state is State.SCHEDULED and wait == DUE)

    def running(self) -> list[tuple[str, str, int]]:
        """The claims that count."""
        return [(job.id, job.engine, job.fence) for job in self.model.jobs.values() if job.state is State.RUNNING]

    async def differences(self) -> list[str]:
        """What is not as the model says."""
        snapshot = await Snapshot.of(self.client)
        names = list(self.model.jobs)
        found = dict(zip(names, await jobs.records(self.client, KEYS, names), strict=True))
        stats = [await queues.stats(self.client, KEYS, queue) for queue in QUEUES]
        counts = {group: await groups.counts(self.client, KEYS, group) for group in self.model.groups}
        return differences(self.model, snapshot, found, stats, counts)


def options_of(spec: Spec) -> dict[str, Any]:
    """What a person would give for it."""
    delay_s = {None: 0.0, DUE: A_MOMENT_S, LATER: AN_HOUR_S}[spec.wait]
    found: dict[str, Any] = {"queue": spec.queue, "priority": spec.priority, "delay": delay_s, "tags": list(spec.tags)}
    found |= {"on_parent_failure": spec.on_parent, "resources": spec.needs, "force": spec.force}
    if spec.late:
        found["expires"] = delay_s + A_MOMENT_S
    if spec.once:
        found[spec.once[0]] = delay_s if spec.once[0] == "debounce" else AN_HOUR_S
    if spec.scope.startswith("k:"):
        found["limit_key"] = spec.scope[2:]
    if spec.most.concurrency:
        found["concurrency"] = spec.most.concurrency
    if spec.most.rate:
        found["rate"] = f"{spec.most.rate}/h"
    return found


def limit_of(most: Most) -> Limit:
    """The limit as it is set."""
    return Limit(concurrency=most.concurrency, rate=most.rate, per_ms=HOUR_MS if most.rate else 0)
