"""The steps of which random sequences are made, for a queue and its model."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from nbqueue.broker import changes, claims, gates, jobs, queues
from nbqueue.broker.claims import Report
from nbqueue.model.states import State
from tests.broker.model_job import DUE, LATER, Most, Spec
from tests.broker.queue_twin import A_MOMENT_S, AN_HOUR_S, BLOBS, QUEUES, QueueTwin, limit_of
from tests.broker.snapshot import KEYS
from tests.keys_left import immortal

FUNCTIONS, ENGINES, NAMES = ("f", "g"), ("e1", "e2", "e3"), [f"j{i}" for i in range(6)]
PLENTY = {"gpu": 4, "ram": 9}

_names = st.sampled_from(NAMES)
_parents = st.lists(st.sampled_from([*NAMES, "g0", "g1"]), max_size=2, unique=True)
_waits = st.sampled_from([None, None, None, DUE, LATER])
_mosts = st.sampled_from([Most(concurrency=1), Most(concurrency=2), Most(rate=2), Most(concurrency=2, rate=2)])
_limited = st.sampled_from([
    ("", Most()), ("", Most()), ("k:key", Most(concurrency=1)), ("k:two", Most(concurrency=2)),
    ("f:f", Most(concurrency=1)), ("k:few", Most(rate=2)),
])  # fmt: skip
_needs: st.SearchStrategy[dict[str, int]] = st.sampled_from([{}, {}, {}, {"gpu": 1}, {"gpu": 1, "ram": 4}])
_rooms = st.tuples(st.sampled_from([0, 1, 2, 9]), st.sampled_from([0, 1, 9]))
_lacks: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), ("name:f",), ("name:f", "py:3.9")])
_onces = st.sampled_from([("unique", "a"), ("debounce", "a"), ("cache", "a"), ("cache", "b")])
_blobs: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), BLOBS[:1], BLOBS])
_gates = st.sampled_from(["f:f", "f:g", "t:red", "t:blue", "g:g0", "g:g1"])
_ends = st.sampled_from([
    (State.SUCCEEDED, "try"), (State.SUCCEEDED, "try"), (State.FAILED, "try"), (State.TIMED_OUT, "try"),
    (State.CRASHED, "crash"), (State.CANCELLED, "try"), (State.QUEUED, "none"), (State.QUEUED, "loss"),
    (State.SCHEDULED, "try"),
])  # fmt: skip


@st.composite
def specs(draw: Any) -> Spec:
    """What a job can be submitted with."""
    scope, most = draw(_limited)
    function = draw(st.sampled_from(FUNCTIONS)) if scope != "f:f" else "f"
    wait = draw(_waits)
    late = wait != LATER and draw(st.sampled_from([False] * 5 + [True]))
    return Spec(
        queue=draw(st.sampled_from(QUEUES[:1] * 3 + QUEUES)), function=function, lane=draw(st.sampled_from([0, 0, 1])),
        priority=draw(st.sampled_from([0, 0, -1, 99])), wait=wait, needs=draw(_needs), scope=scope, most=most,
        late=late, on_parent=draw(st.sampled_from(["fail", "skip", "run"])),
        tags=draw(st.sampled_from([(), (), ("red",), ("red", "blue")])), blobs=draw(_blobs),
    )  # fmt: skip


class QueueMachine(QueueTwin):
    """All that can be done with a queue, and what holds after each step."""

    @initialize(drawn=st.lists(st.tuples(specs(), _parents), min_size=3, max_size=6))
    def begin(self, drawn: list[tuple[Spec, list[str]]]) -> None:
        """Some jobs are there, of which some wait for others."""
        for name, (spec, parents) in zip(NAMES, drawn, strict=False):
            self.submit_after(spec, name, parents)

    @rule(queue=st.sampled_from(QUEUES), engine=st.sampled_from(ENGINES))
    def claim_many(self, queue: str, engine: str) -> None:
        """An engine with room for all takes jobs, as most claims of a long sequence do."""
        self.take(queue, engine, (9, 9), self.free_of(engine, PLENTY))

    @rule(engine=st.sampled_from(ENGINES), end=_ends)
    def finish_all(self, engine: str, end: tuple[State, str]) -> None:
        """All that an engine runs ends in the same way."""
        for claim in self.running():
            if claim[1] == engine:
                self.end(claim, end, DUE, to_process=False)

    @rule(spec=specs(), name=_names)
    def submit(self, spec: Spec, name: str) -> None:
        """One job."""
        self.submit_all([name], spec)

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
        self.submit_all([name], spec)

    @rule(spec=specs(), names=st.lists(_names, max_size=4, unique=True))
    def submit_many(self, spec: Spec, names: list[str]) -> None:
        """Some jobs in one round trip, of which some may be known."""
        self.submit_all(names, spec)

    @rule(spec=specs(), number=st.integers(0, 1), size=st.integers(1, 3))
    def submit_group(self, spec: Spec, number: int, size: int) -> None:
        """Some jobs that belong together."""
        spec.group = f"g{number}"
        if spec.group not in self.model.groups:
            self.submit_all([f"{spec.group}-{item}" for item in range(size)], spec)

    @rule(
        spec=specs(), name=_names, once=_onces, force=st.booleans(),
    )  # fmt: skip
    def submit_once(self, spec: Spec, name: str, once: tuple[str, str], *, force: bool) -> None:
        """A job like others."""
        spec.once, spec.force = once, force
        if once[0] == "debounce":
            spec.wait = spec.wait or DUE
        self.submit_all([name], spec)

    @rule(
        queue=st.sampled_from(QUEUES),
        engine=st.sampled_from(ENGINES),
        room=_rooms,
        free=st.sampled_from([{}, {"gpu": 1}, {"gpu": 1, "ram": 4}, PLENTY]),
        lacks=_lacks,
    )
    def claim(
        self, queue: str, engine: str, room: tuple[int, int], free: dict[str, int], lacks: tuple[str, ...]
    ) -> None:
        """An engine takes jobs: exactly those that the model gives it."""
        self.take(queue, engine, room, self.free_of(engine, free), lacks)

    @rule()
    def claim_all(self) -> None:
        """An engine with room and resources for everything: whoever is left has a reason."""
        for queue in QUEUES:
            self.take(queue, "e1", (99, 99), self.free_of("e1", PLENTY))
            self.explain(queue, self.free_of("e1", PLENTY))

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(), end=_ends, wait=st.sampled_from([DUE, LATER]), to_process=st.booleans(),
        lacked=st.sampled_from(["", "name:f", "py:3.9"]),
    )  # fmt: skip
    def finish(self, data: Any, end: tuple[State, str], wait: str, *, to_process: bool, lacked: str) -> None:
        """The end of an attempt, now and then of one that does not count any more."""
        live = [claim for claim in self.claims if claim[2] == getattr(self.model.jobs.get(claim[0]), "fence", 0)]
        job_id, engine, fence = data.draw(st.sampled_from(live * 3 + self.claims))
        self.end((job_id, engine, fence), end, wait, to_process=to_process, lacked=lacked)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), checkpoint=st.booleans())
    def report(self, data: Any, *, checkpoint: bool) -> None:
        """What a running job says of itself is kept, and what a lost one says is refused."""
        job_id, engine, fence = claim = data.draw(st.sampled_from(self.claims))
        call = Report(job_id=job_id, fence=fence, progress={"done": 1}, log="a line", checkpoint=b"x" * checkpoint)
        assert self.ask(claims.report(KEYS, engine, [call])) == [self.model.counts(claim)]

    @rule(engine=st.sampled_from(ENGINES), charged=st.booleans(), named=st.booleans())
    def reap(self, engine: str, *, charged: bool, named: bool) -> None:
        """An engine is gone: its supervisor says so, or its lease ran out."""
        if not named:
            self.ask(claims.lease(KEYS, [engine], begin=True, length_s=A_MOMENT_S))
            self.let_pass()
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
        self.let_pass(moment=wait == DUE)

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
        self.run(act(self.client, KEYS, queue))
        self.model.paused_queues ^= {queue}

    @rule(gate=_gates)
    def pause_or_resume(self, gate: str) -> None:
        """A function, tag or group stops, or goes on."""
        act = gates.resume if gate in self.model.paused else gates.pause
        self.run(act(self.client, KEYS, gate))
        self.model.paused ^= {gate}

    @rule(scope=st.sampled_from(["q:one", "q:two", "f:f", "f:g", "k:key", "k:two"]), most=st.none() | _mosts)
    def limit(self, scope: str, most: Most | None) -> None:
        """A limit is set, or taken away."""
        self.run(gates.set_limit(self.client, KEYS, scope, limit_of(most) if most else None))
        self.model.set_limit(scope, most)

    @rule()
    def expire(self) -> None:
        """Jobs that did not start in time end, whatever holds them back."""
        self.ask(claims.expire(KEYS))
        self.model.expire_all()

    @rule()
    def settle(self) -> None:
        """Jobs are told of the ends that they waited for."""
        while self.ask(jobs.settle(KEYS)):
            pass
        self.model.settle()

    @invariant()
    def is_as_the_model(self) -> None:
        """Every job, group, queue and limit stands as the model says, and every key is there for somebody."""
        found = self.run(self.differences())
        assert found == [], found

    def teardown(self) -> None:
        """Once nothing holds them back all jobs come to an end, and leave nothing behind."""
        try:
            self._drain()
        finally:
            self.run(self.client.aclose())

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
                not any(self.take(queue, "e1", (2, 2), self.free_of("e1", PLENTY)) for queue in QUEUES)
                and not self.running()
            ):
                break
            for claim in self.running():
                self.end(claim, (State.SUCCEEDED, "none"), DUE, to_process=False)
        self._no_more()

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
