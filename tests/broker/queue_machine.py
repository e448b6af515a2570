"""Random sequences of operations, on a real server and on the model beside it, compared after each step."""

import asyncio
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nbqueue.broker import changes, claims, gates, groups, jobs, queues, scripts
from nbqueue.broker.claims import Claimed, Finish, Report
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.model.limits import Limit
from nbqueue.model.options import check
from nbqueue.model.resources import parse
from nbqueue.model.states import State
from tests.broker.model_queue import DUE, LATER, ModelQueue, Most, Spec
from tests.broker.snapshot import KEYS, Snapshot, differences
from tests.keys_left import immortal
from tests.servers import Server

QUEUES, FUNCTIONS, ENGINES, NAMES = ("one", "two"), ("f", "g"), ("e1", "e2", "e3"), [f"j{i}" for i in range(8)]
PLENTY = {"gpu": 4, "ram": 9}
HOUR_MS = 3_600_000
A_MOMENT_S, AN_HOUR_S = 0.001, 3600.0
#: how long a rule lets pass after it asked for a moment
PASSES_S = 0.003

_names = st.sampled_from(NAMES)
_waits = st.sampled_from([None, None, None, DUE, LATER])
_mosts = st.sampled_from([Most(concurrency=1), Most(concurrency=2), Most(rate=2), Most(concurrency=2, rate=2)])
_limited = st.sampled_from([
    ("", Most()), ("", Most()), ("k:key", Most(concurrency=1)), ("k:two", Most(concurrency=2)), ("f:f", Most(concurrency=1)),
    ("k:few", Most(rate=2)),
])  # fmt: skip
_needs: st.SearchStrategy[dict[str, int]] = st.sampled_from([{}, {}, {}, {"gpu": 1}, {"gpu": 1, "ram": 4}])
_rooms = st.tuples(st.sampled_from([0, 1, 2, 9]), st.sampled_from([0, 1, 9]))
_gates = st.sampled_from(["f:f", "f:g", "t:red", "t:blue", "g:g0", "g:g1"])
_ends = st.sampled_from([
    (State.SUCCEEDED, "try"), (State.SUCCEEDED, "try"), (State.FAILED, "try"), (State.TIMED_OUT, "try"), (State.CRASHED, "crash"),
    (State.CANCELLED, "try"), (State.QUEUED, "none"), (State.QUEUED, "loss"), (State.SCHEDULED, "try"),
])  # fmt: skip


@st.composite
def specs(draw: Any, *, function: str = "") -> Spec:
    """What a job can be submitted with."""
    scope, most = draw(_limited)
    function = draw(st.sampled_from(FUNCTIONS)) if scope != "f:f" else "f"
    return Spec(
        queue=draw(st.sampled_from(QUEUES[:1] * 3 + QUEUES)), function=function, lane=draw(st.sampled_from([0, 0, 1])),
        priority=draw(st.sampled_from([0, 0, -1, 99])), wait=draw(_waits), late=draw(st.sampled_from([False] * 5 + [True])),
        tags=draw(st.sampled_from([(), (), ("red",), ("red", "blue")])), scope=scope, most=most, needs=draw(_needs),
        on_parent=draw(st.sampled_from(["fail", "skip", "run"])),
    )  # fmt: skip


class QueueMachine(RuleBasedStateMachine):
    """One example: an empty server, an empty model, and a sequence of rules."""

    #: set by whoever runs the machine
    server: ClassVar[Server]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.model = ModelQueue()
        #: every claim that was ever made: (job, engine, fence)
        self.claims: list[tuple[str, str, int]] = []
        self._client: Any = None
        self.run(self._open())

    def run(self, work: Any) -> Any:
        """Wait for the server."""
        return self.runner.run(work)

    def ask(self, call: scripts.Call[Any]) -> Any:
        """Run a script."""
        return self.run(scripts.run(self._client, call))

    async def _open(self) -> None:
        self._client = open_redis(parse_url(self.server.url))
        await self._client.flushall()

    def _pass(self, *, moment: bool = True) -> None:
        if moment:
            self.run(asyncio.sleep(PASSES_S))

    @rule(spec=specs(), name=_names)
    def submit(self, spec: Spec, name: str) -> None:
        """One job."""
        self._submit([name], spec)

    @rule(
        spec=specs(),
        name=_names,
        parents=st.lists(st.sampled_from([*NAMES, "g0", "g1"]), min_size=1, max_size=2, unique=True),
    )
    def submit_after(self, spec: Spec, name: str, parents: list[str]) -> None:
        """One job that waits for others that are known."""
        spec.after = tuple(
            each for each in parents if each != name and (each in self.model.jobs or each in self.model.groups)
        )
        self._submit([name], spec)

    @rule(spec=specs(), names=st.lists(_names, max_size=4, unique=True))
    def submit_many(self, spec: Spec, names: list[str]) -> None:
        """Some jobs in one round trip, of which some may be known."""
        self._submit(names, spec)

    @rule(spec=specs(), number=st.integers(0, 1), size=st.integers(1, 3))
    def submit_group(self, spec: Spec, number: int, size: int) -> None:
        """Some jobs that belong together."""
        spec.group = f"g{number}"
        if spec.group not in self.model.groups:
            self._submit([f"{spec.group}-{item}" for item in range(size)], spec)

    @rule(
        spec=specs(), name=_names, once=st.sampled_from([("unique", "a"), ("debounce", "a"), ("cache", "a"), ("cache", "b")]),
        force=st.booleans(),
    )  # fmt: skip
    def submit_once(self, spec: Spec, name: str, once: tuple[str, str], *, force: bool) -> None:
        """A job like others."""
        spec.once, spec.force = once, force
        if once[0] == "debounce":
            spec.wait = spec.wait or DUE
        self._submit([name], spec)

    def _submit(self, names: list[str], spec: Spec) -> None:
        own: dict[str, Any] = {"after": spec.after} if spec.after else {}
        if spec.once:
            own["digest"] = spec.once[1]
        batch = jobs.Batch(
            options=check(**_options(spec)), function=spec.function, lane=spec.lane, jobs=[(name, b"{}") for name in names],
            group=spec.group, own=dict.fromkeys(names, own) if own else {},
        )  # fmt: skip
        answers = self.ask(jobs.submit(KEYS, batch))
        assert answers == self.model.submit(names, spec)
        self._pass(moment=spec.wait == DUE or spec.late)

    @rule(
        queue=st.sampled_from(QUEUES),
        engine=st.sampled_from(ENGINES),
        room=_rooms,
        free=st.sampled_from([{}, {"gpu": 1}, {"gpu": 1, "ram": 4}, PLENTY]),
    )
    def claim(self, queue: str, engine: str, room: tuple[int, int], free: dict[str, int]) -> None:
        """An engine takes jobs: exactly those that the model gives it."""
        self._claim(queue, engine, room, self._free(engine, free))

    @rule()
    def claim_all(self) -> None:
        """An engine with room and resources for everything: whoever is left has a reason."""
        for queue in QUEUES:
            self._claim(queue, "e1", (99, 99), self._free("e1", PLENTY))
            self.explain(queue, self._free("e1", PLENTY))

    def _expire(self, queue: str) -> None:
        """A late job that is held back may have been looked at, or not."""
        late = [
            job.id
            for job in self.model.jobs.values()
            if job.is_late and job.state is State.QUEUED and job.queue == queue
        ]
        for record in self.run(jobs.records(self._client, KEYS, late)):
            if record.state is State.EXPIRED:
                assert queue not in self.model.paused_queues
                assert self.model.expire(record.id)

    def _free(self, engine: str, offered: dict[str, int]) -> dict[str, int]:
        """What an engine has free of what it offers."""
        held = [job for job in self.model.jobs.values() if job.state is State.RUNNING and job.engine == engine]
        free = {name: amount - sum(job.spec.needs.get(name, 0) for job in held) for name, amount in offered.items()}
        return {name: amount for name, amount in free.items() if amount > 0}

    def _claim(self, queue: str, engine: str, room: tuple[int, int], free: dict[str, int]) -> list[str]:
        self.ask(claims.lease(KEYS, [engine], begin=True, length_s=AN_HOUR_S))
        call = claims.claim(
            KEYS, queue=queue, queue_key=KEYS.queue(queue), engine=engine, loop_room=room[0], process_room=room[1],
            resources=parse(",".join(f"{name}={amount}" for name, amount in free.items())),
        )  # fmt: skip
        claimed: Claimed = self.ask(call)
        found = [claim.job_id for claim in claimed.claims]
        expected = self.model.claim(queue, engine, room, free)
        assert found == expected, f"found {found}, expected {expected}"
        self.claims += [(claim.job_id, engine, claim.fence) for claim in claimed.claims]
        self._expire(queue)
        return found

    def explain(self, queue: str, free: dict[str, int]) -> None:
        """Each job that could not start stands behind a gate that is closed for it."""
        snapshot = self.run(Snapshot.of(self._client))
        for job in self.model.jobs.values():
            if job.queue == queue not in self.model.paused_queues and job.state is State.QUEUED and not job.waits_for:
                gate = snapshot.gate_of(job.id)
                assert gate in self.model.gates(job, free), (job, gate)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), end=_ends, wait=st.sampled_from([DUE, LATER]), to_process=st.booleans())
    def finish(self, data: Any, end: tuple[State, str], wait: str, *, to_process: bool) -> None:
        """The end of an attempt, now and then of one that does not count any more."""
        live = [claim for claim in self.claims if claim[2] == getattr(self.model.jobs.get(claim[0]), "fence", 0)]
        job_id, engine, fence = data.draw(st.sampled_from(live * 3 + self.claims))
        self._finish((job_id, engine, fence), end, wait, to_process=to_process)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), checkpoint=st.booleans())
    def report(self, data: Any, *, checkpoint: bool) -> None:
        """What a running job says of itself is kept, and what a lost one says is refused."""
        job_id, engine, fence = claim = data.draw(st.sampled_from(self.claims))
        call = Report(job_id=job_id, fence=fence, progress={"done": 1}, log="a line", checkpoint=b"x" * checkpoint)
        assert self.ask(claims.report(KEYS, engine, [call])) == [self.model.counts(claim)]

    def _finish(self, claim: tuple[str, str, int], end: tuple[State, str], wait: str, *, to_process: bool) -> None:
        job_id, engine, fence = claim
        state, charge = end
        to_process = to_process and state is State.QUEUED
        delay_s = claims.TO_PROCESS_LANE_S if to_process else {DUE: A_MOMENT_S, LATER: AN_HOUR_S}[wait]
        call = Finish(
            job_id=job_id, fence=fence, state=state, delay_s=delay_s, charge=charge, record="{}",  # type: ignore[arg-type]
            result=b"value" if state is State.SUCCEEDED else b"", keep_s=AN_HOUR_S,
        )  # fmt: skip
        [accepted] = self.ask(claims.finish(KEYS, engine, [call]))
        assert accepted == self.model.finish(claim, state, charge, wait, to_process=to_process)
        self._pass(moment=state is State.SCHEDULED and wait == DUE)

    @rule(engine=st.sampled_from(ENGINES), charged=st.booleans(), named=st.booleans())
    def reap(self, engine: str, *, charged: bool, named: bool) -> None:
        """An engine is gone: its supervisor says so, or its lease ran out."""
        if not named:
            self.ask(claims.lease(KEYS, [engine], begin=True, length_s=A_MOMENT_S))
            self._pass()
        call = claims.reap(KEYS, [engine] if named else [], charged=charged, ended=not named)
        assert self.ask(call) == self.model.reap(engine, charged=charged)

    @rule(name=_names)
    def cancel(self, name: str) -> None:
        """A cancel of whatever."""
        assert self.ask(jobs.cancel(KEYS, [name])) == [self.model.cancel(name)]

    @rule(name=_names)
    def remove(self, name: str) -> None:
        """A job is forgotten."""
        assert self.ask(jobs.remove(KEYS, [name])) == [self.model.remove(name)]

    @rule(name=_names)
    def promote(self, name: str) -> None:
        """A job may start now."""
        assert self.ask(changes.promote(KEYS, [name])) == [self.model.change_time(name, None)]

    @rule(name=_names, wait=_waits)
    def reschedule(self, name: str, wait: str | None) -> None:
        """A job may start at another time."""
        delay_s = {None: 0.0, DUE: A_MOMENT_S, LATER: AN_HOUR_S}[wait]
        assert self.ask(changes.reschedule(KEYS, [name], delay_s=delay_s)) == [self.model.change_time(name, wait)]
        self._pass(moment=wait == DUE)

    @rule(name=_names, priority=st.sampled_from([-99, 0, 5]))
    def set_priority(self, name: str, priority: int) -> None:
        """A job goes sooner or later."""
        assert self.ask(changes.set_priority(KEYS, [name], priority)) == [self.model.set_priority(name, priority)]

    @rule(name=_names, source=st.sampled_from(QUEUES), queue=st.sampled_from(QUEUES))
    def move(self, name: str, source: str, queue: str) -> None:
        """A job goes to another queue."""
        assert self.ask(jobs.move(KEYS, queue, [(name, source, b"{}")])) == [self.model.move(name, source, queue)]

    @rule(queue=st.sampled_from(QUEUES))
    def pause_or_resume_queue(self, queue: str) -> None:
        """A queue stops, or goes on."""
        act = queues.resume if queue in self.model.paused_queues else queues.pause
        self.run(act(self._client, KEYS, queue))
        self.model.paused_queues ^= {queue}

    @rule(gate=_gates)
    def pause_or_resume(self, gate: str) -> None:
        """A function, tag or group stops, or goes on."""
        act = gates.resume if gate in self.model.paused else gates.pause
        self.run(act(self._client, KEYS, gate))
        self.model.paused ^= {gate}

    @rule(scope=st.sampled_from(["q:one", "q:two", "f:f", "f:g", "k:key", "k:two"]), most=st.none() | _mosts)
    def limit(self, scope: str, most: Most | None) -> None:
        """A limit is set, or taken away."""
        self.run(gates.set_limit(self._client, KEYS, scope, most and _limit(most)))
        self.model.limits.pop(scope, None)
        if most:
            self.model.limits[scope] = most

    @rule()
    def settle(self) -> None:
        """Jobs are told of the ends that they waited for."""
        while self.ask(jobs.settle(KEYS)):
            pass
        self.model.settle()

    @invariant()
    def is_as_the_model(self) -> None:
        """Every job, group, queue and limit stands as the model says, and every key is there for somebody."""
        assert self.run(self._differences()) == []

    async def _differences(self) -> list[str]:
        snapshot = await Snapshot.of(self._client)
        names = list(self.model.jobs)
        found = dict(zip(names, await jobs.records(self._client, KEYS, names), strict=True))
        stats = [await queues.stats(self._client, KEYS, queue) for queue in QUEUES]
        counts = {group: await groups.counts(self._client, KEYS, group) for group in self.model.groups}
        return differences(self.model, snapshot, found, stats, counts)

    def teardown(self) -> None:
        """Once nothing holds them back all jobs come to an end, and leave nothing behind."""
        try:
            self._drain()
        finally:
            self.run(self._client.aclose())

    def _drain(self) -> None:
        for scope in list(self.model.limits):
            self.limit(scope, None)
        for gate in sorted(self.model.paused):
            self.pause_or_resume(gate)
        for queue in sorted(self.model.paused_queues):
            self.pause_or_resume_queue(queue)
        for _ in range(99):
            self.settle()
            for job in [job for job in self.model.jobs.values() if job.waits and job.wait == LATER]:
                self.promote(job.id)
            if (
                not any(self._claim(queue, "e1", (2, 2), self._free("e1", PLENTY)) for queue in QUEUES)
                and not self._running()
            ):
                break
            for claim in self._running():
                self._finish(claim, (State.SUCCEEDED, "none"), DUE, to_process=False)
        self._no_more()

    def _running(self) -> list[tuple[str, str, int]]:
        return [(job.id, job.engine, job.fence) for job in self.model.jobs.values() if job.state is State.RUNNING]

    def _no_more(self) -> None:
        """What a limit of starts in an hour left is cancelled."""
        left = [job for job in self.model.jobs.values() if not job.state.is_final]
        assert all(job.spec.most.rate or job.waits_for for job in left), left
        for job in left:
            self.cancel(job.id)
        self.settle()
        self.is_as_the_model()
        with self.server.client() as client:
            assert immortal(client) == []


def _options(spec: Spec) -> dict[str, Any]:
    delay_s = {None: 0.0, DUE: A_MOMENT_S, LATER: AN_HOUR_S}[spec.wait]
    found: dict[str, Any] = {"queue": spec.queue, "priority": spec.priority, "delay": delay_s, "tags": list(spec.tags)}
    found |= {"on_parent_failure": spec.on_parent, "resources": spec.needs, "force": spec.force}
    if spec.late:
        found["expires"] = A_MOMENT_S
    if spec.once:
        found[spec.once[0]] = delay_s if spec.once[0] == "debounce" else AN_HOUR_S
    if spec.scope.startswith("k:"):
        found["limit_key"] = spec.scope[2:]
    if spec.most.concurrency:
        found["concurrency"] = spec.most.concurrency
    if spec.most.rate:
        found["rate"] = f"{spec.most.rate}/h"
    return found


def _limit(most: Most) -> Limit:
    return Limit(concurrency=most.concurrency, rate=most.rate, per_ms=HOUR_MS if most.rate else 0)
