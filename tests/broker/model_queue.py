"""What jobs, limits, groups and engines do, as docs/queueing.md and docs/states.md say it, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbqueue.model.states import State
from tests.broker.model_job import DUE, Group, Job, Most, Spec

#: losses and crashes after which a job is given up
MAX_LOSSES = 3


class ModelQueue:
    """All that is known."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.groups: dict[str, Group] = {}
        self.paused_queues: set[str] = set()
        #: `f:<function>`, `t:<tag>`, `g:<group>`
        self.paused: set[str] = set()
        #: limits that were set: `q:<queue>`, `f:<function>`, `k:<key>`
        self.limits: dict[str, Most] = {}
        #: scope -> starts within the hour
        self.starts: dict[str, int] = {}
        self.ended: dict[tuple[str, State], int] = {}
        self._once: dict[tuple[str, str], str] = {}
        self._count = 0

    def submit(self, job_ids: Sequence[str], spec: Spec) -> list[str]:
        """Accept jobs; the answer for each."""
        if spec.group:
            self.groups[spec.group] = Group(total=len(job_ids))
        return [self._submit(job_id, spec) for job_id in job_ids]

    def end_of(self, name: str) -> State | None:
        """How a job or group ended; None where it has not."""
        if name in self.jobs:
            state = self.jobs[name].state
            return state if state.is_final else None
        return self.groups[name].end

    def _submit(self, job_id: str, spec: Spec) -> str:
        if job_id in self.jobs:
            return "exists"
        other = self._other(spec)
        if other:
            return f"same {other}"
        self._count += 1
        job = Job(
            id=job_id, number=self._count, spec=spec, queue=spec.queue, lane=spec.lane, priority=spec.priority,
            state=State.SCHEDULED if spec.wait else State.QUEUED, wait=spec.wait or DUE,
            waits_for={name: self.end_of(name) for name in spec.after if self.end_of(name) is not State.SUCCEEDED},
        )  # fmt: skip
        self.jobs[job_id] = job
        if spec.once:
            self._once[spec.once] = job_id
        self._note(job)
        return job.state.value

    def _other(self, spec: Spec) -> str:
        """The job that stands for a new one."""
        other = self.jobs.get(self._once.get(spec.once, "")) if spec.once and not spec.force else None
        if other is None or spec.once is None:
            return ""
        if spec.once[0] == "debounce":
            if other.state is State.SCHEDULED and not other.fence:
                self._end(other, State.CANCELLED)
            return ""
        if spec.once[0] == "cache" and other.cancel:
            return ""
        taken = spec.once[0] == "unique" or not other.state.is_final or other.state is State.SUCCEEDED
        return other.id if taken else ""

    def claim(
        self, queue: str, engine: str, room: tuple[int, int], free: dict[str, int], lacks: Sequence[str] = ()
    ) -> list[str]:
        """Start jobs of a queue, as many as there is room for in each lane, but for those that lack something."""
        for job in self._in(queue):
            if job.state is State.SCHEDULED and job.wait == DUE:
                self._move(job, State.QUEUED)
                job.retrying = False
        if queue in self.paused_queues:
            return []
        left, in_turn = dict(free), sorted(self._in(queue), key=lambda job: job.order)
        lanes = [[job for job in in_turn if job.lane == lane] for lane in (0, 1)]
        return [job_id for lane in (0, 1) for job_id in self._claim(lanes[lane], engine, room[lane], left, lacks)]

    def _claim(
        self, in_turn: list[Job], engine: str, room: int, free: dict[str, int], lacks: Sequence[str]
    ) -> Iterator[str]:
        for job in in_turn:
            if room == 0:
                return
            if job.state is not State.QUEUED or self.gates(job, free, lacks):
                continue
            if job.is_late:
                self._end(job, State.EXPIRED)
                continue
            self._start(job, engine, free)
            room -= 1
            yield job.id

    def expire(self, job_id: str) -> bool:
        """End a job that is late and held back, which a claim may do; whether it is one."""
        job = self.jobs[job_id]
        if job.state is not State.QUEUED or not job.is_late or job.waits_for:
            return False
        self._end(job, State.EXPIRED)
        return True

    def expire_all(self) -> None:
        """End all jobs that are late, whatever they wait for."""
        for job in list(self.jobs.values()):
            if job.waits and job.is_late:
                self._end(job, State.EXPIRED)

    def _start(self, job: Job, engine: str, free: dict[str, int]) -> None:
        self._move(job, State.RUNNING)
        job.fence, job.engine = job.fence + 1, engine
        scopes = self.scopes(job)
        job.holds = frozenset(scopes)
        job.started = frozenset(scope for scope, most in scopes.items() if most.rate is not None)
        for scope, most in scopes.items():
            self.starts[scope] = self.starts.get(scope, 0) + (most.rate is not None)
        for name, amount in job.spec.needs.items():
            free[name] = free.get(name, 0) - amount

    def _in(self, queue: str) -> list[Job]:
        """The jobs of a queue that wait for no other job."""
        return [job for job in self.jobs.values() if job.queue == queue and job.waits and not job.waits_for]

    def gates(self, job: Job, free: dict[str, int], lacks: Sequence[str] = ()) -> set[str]:
        """What holds a job back that is due."""
        found = {name for name in self.paused if name in self.names(job)}
        found |= {f"n:{each}" for each in lacks if each == job.lacked}
        if any(free.get(name, 0) < amount for name, amount in job.spec.needs.items()):
            found.add(needs_gate(job))
        full = [scope for scope, most in self.scopes(job).items() if self._is_full(scope, most)]
        # of a limit that was set, or of one that jobs brought
        return found | {f"{kind}:{scope}" for kind in "lb" for scope in full}

    def names(self, job: Job) -> set[str]:
        """By what it can be paused."""
        return {f"f:{job.spec.function}", f"g:{job.spec.group}", *(f"t:{tag}" for tag in job.spec.tags)}

    def scopes(self, job: Job) -> dict[str, Most]:
        """The limits it counts for; what was set wins over what it brings."""
        own = {job.spec.scope: job.spec.most} if job.spec.scope else {}
        by_hand = {name for name in (f"q:{job.queue}", f"f:{job.spec.function}") if name in self.limits}
        return {scope: self.limits.get(scope) or own[scope] for scope in by_hand | set(own)}

    def set_limit(self, scope: str, most: Most | None) -> None:
        """Set a limit of a queue or function, which counts what runs; None: what jobs bring counts."""
        self.limits.pop(scope, None)
        if most is not None:
            self.limits[scope] = most
            for job in self.jobs.values():
                if job.state is State.RUNNING and scope in (f"q:{job.queue}", f"f:{job.spec.function}"):
                    job.holds |= {scope}

    def holding(self, scope: str) -> set[str]:
        """Who counts for a limit of concurrency."""
        return {job.id for job in self.jobs.values() if job.state is State.RUNNING and scope in job.holds}

    def _is_full(self, scope: str, most: Most) -> bool:
        if most.concurrency is not None and len(self.holding(scope)) >= most.concurrency:
            return True
        return most.rate is not None and self.starts.get(scope, 0) >= most.rate

    def counts(self, claim: tuple[str, str, int]) -> bool:
        """Whether a claim, (job, engine, fence), is one that its engine still has."""
        job = self.jobs.get(claim[0])
        return job is not None and job.state is State.RUNNING and (job.engine, job.fence) == claim[1:]

    def finish(
        self, claim: tuple[str, str, int], state: State, charge: str, wait: str, *, to_process: bool, lacked: str = ""
    ) -> bool:
        """End an attempt; whether its claim still counted."""
        if not self.counts(claim):
            return False
        job = self.jobs[claim[0]]
        if charge != "none":
            job.charged[charge] += 1
        if state.is_final:
            self._end(job, state)
        elif job.cancel:
            self._end(job, State.CANCELLED)
        else:
            for scope in job.started if charge == "none" else ():
                self.starts[scope] -= 1
            self._move(job, state)
            job.retrying, job.wait = state is State.SCHEDULED, wait if state is State.SCHEDULED else DUE
            job.lane, job.lacked = 1 if to_process else job.lane, lacked or job.lacked
        return True

    def reap(self, engine: str, *, charged: bool) -> int:
        """Give back what an engine held that is gone."""
        lost = [job for job in self.jobs.values() if job.state is State.RUNNING and job.engine == engine]
        for job in lost:
            job.charged["loss"] += charged
            if job.cancel:
                self._end(job, State.CANCELLED)
            elif job.charged["loss"] + job.charged["crash"] >= MAX_LOSSES:
                self._end(job, State.CRASHED)
            else:
                self._move(job, State.QUEUED)
        return len(lost)

    def cancel(self, job_id: str) -> str:
        """End a job that waits, ask one that runs to stop."""
        job = self.jobs.get(job_id)
        if job is None:
            return "unknown"
        if job.state is State.RUNNING:
            job.cancel = True
            return "asked"
        if not job.waits:
            return job.state.value
        self._end(job, State.CANCELLED)
        return "removed"

    def remove(self, job_id: str) -> str:
        """Forget a job."""
        job = self.jobs.get(job_id)
        if job is None or job.state is State.RUNNING:
            return "running" if job else "unknown"
        if job.waits:
            self._end(job, State.CANCELLED)
        del self.jobs[job_id]
        return "deleted"

    def change_time(self, job_id: str, wait: str | None) -> str:
        """Let a waiting job start now (None), in a moment or later."""
        job = self.jobs.get(job_id)
        if job is None or not job.waits or job.waits_for:
            return "unknown" if job is None else job.state.value if not job.waits else "blocked"
        if wait and job.is_late:
            return "late"
        self._move(job, State.SCHEDULED if wait else State.QUEUED)
        job.wait = wait or DUE
        job.retrying = job.retrying and wait is not None
        return "changed"

    def set_priority(self, job_id: str, priority: int) -> str:
        """Let a waiting job start before or after others."""
        job = self.jobs.get(job_id)
        if job is None or not job.waits:
            return job.state.value if job else "unknown"
        job.priority = priority
        return "changed"

    def move(self, job_id: str, source: str, target: str) -> bool:
        """Put a waiting job into another queue."""
        job = self.jobs.get(job_id)
        if job is None or not job.waits or job.queue != source:
            return False
        job.queue = target
        return True

    def settle(self) -> None:
        """Tell all jobs of the ends that they waited for."""
        while told := [job for job in self.jobs.values() if job.waits and any(job.waits_for.values())]:
            for job in told:
                self._tell(job)

    def _tell(self, job: Job) -> None:
        told = {name: end for name, end in job.waits_for.items() if end is not None}
        if job.spec.on_parent != "run" and set(told.values()) != {State.SUCCEEDED}:
            self._end(job, State.CANCELLED if job.spec.on_parent == "skip" else State.FAILED)
        job.waits_for = {name: end for name, end in job.waits_for.items() if name not in told}

    def _move(self, job: Job, state: State) -> None:
        job.state = state
        job.holds = frozenset() if state is not State.RUNNING else job.holds
        self._note(job)

    def _end(self, job: Job, state: State) -> None:
        self._move(job, state)
        self.ended[job.queue, state] = self.ended.get((job.queue, state), 0) + 1
        self._tell_all(job.id, state)
        group = self.groups.get(job.spec.group)
        if group and group.end:
            self._tell_all(job.spec.group, group.end)

    def _tell_all(self, name: str, state: State) -> None:
        for job in self.jobs.values():
            if job.waits_for.get(name, state) is None:
                job.waits_for[name] = state

    def _note(self, job: Job) -> None:
        if job.spec.group:
            self.groups[job.spec.group].states[job.id] = job.state


def needs_gate(job: Job) -> str:
    """The gate behind which it waits for resources."""
    return "r:" + ",".join(f"{name}={amount}" for name, amount in sorted(job.spec.needs.items()))
