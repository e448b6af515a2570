"""All that a server holds, read at once, beside what a model says it should hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker.bounds import CLAIMED_SCORE, READY_LIMIT
from nbqueue.broker.groups import GroupCounts
from nbqueue.broker.keys import Keys
from nbqueue.broker.queues import QueueStats
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State, WaitReason
from tests.broker.model_job import Job
from tests.broker.model_queue import ModelQueue

KEYS = Keys()
_READERS: Mapping[str, Callable[[Any, bytes], object]] = {
    "zset": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    "set": lambda pipe, name: pipe.smembers(name),
    "hash": lambda pipe, name: pipe.hgetall(name),
    "list": lambda pipe, name: pipe.lrange(name, 0, -1),
}


@dataclass(frozen=True)
class Snapshot:
    """Keys and their values, as text; of strings and streams only that they are there."""

    values: Mapping[str, Any]

    @classmethod
    async def of(cls, client: Any) -> Snapshot:
        """Everything."""
        names = sorted(await client.keys())
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.type(name)
        kinds = [kind.decode() for kind in await pipe.execute()]
        read = [(name, _READERS[kind]) for name, kind in zip(names, kinds, strict=True) if kind in _READERS]
        pipe = client.pipeline(transaction=False)
        for name, reader in read:
            reader(pipe, name)
        values = dict(zip((name for name, _ in read), await pipe.execute(), strict=True))
        return cls({name.decode(): _text(values.get(name)) for name in names})

    def under(self, prefix: str) -> dict[str, Any]:
        """The values of keys that begin so, by the rest of their names."""
        return {name.removeprefix(prefix): value for name, value in self.values.items() if name.startswith(prefix)}

    def gate_of(self, job_id: str) -> str:
        """The gate behind which a job stands; empty: none."""
        record = self.values.get(KEYS.record(job_id), {})
        return str(record.get("parked", "")).partition(":")[2]

    def places_of(self, job_id: str) -> list[str]:
        """The sorted sets in which it stands."""
        found = self.under("arq:queue:") | {f":{name}": value for name, value in self.under("nbq:parked:").items()}
        return [name for name, members in found.items() if job_id in members]


def differences(
    model: ModelQueue, snapshot: Snapshot, records: Mapping[str, JobRecord | None], stats: Sequence[QueueStats],
    counts: Mapping[str, GroupCounts | None],
) -> list[str]:  # fmt: skip
    """What is not as the model says."""
    return [
        *(text for job in model.jobs.values() for text in _job(model, job, snapshot, records[job.id])),
        *(text for each in stats for text in _queue(model, snapshot, each)),
        *(text for name in model.groups for text in _group(model, name, counts[name])),
        *_claims(model, snapshot),
        *_limits(model, snapshot),
        *_gates(snapshot),
        *_blobs(model, snapshot),
        *_order(model, snapshot),
        *_keys(model, snapshot),
    ]


def _differ(what: str, found: object, expected: object) -> Iterator[str]:
    if found != expected:
        yield f"{what}: found {found!r}, the model says {expected!r}"


def _job(model: ModelQueue, job: Job, snapshot: Snapshot, record: JobRecord | None) -> Iterator[str]:
    if record is None:
        yield f"{job.id} has no record"
        return
    found = (record.state, record.queue, record.priority, record.fence, record.tries, record.losses, record.crashes)
    charged = job.charged
    expected = (job.state, job.queue, job.priority, job.fence, charged["try"], charged["loss"], charged["crash"])
    yield from _differ(job.id, found, expected)
    gate = snapshot.gate_of(job.id)
    yield from _differ(f"{job.id}, its reason", record.reason, _reason(model, job, gate))
    yield from _differ(f"{job.id}, its places", snapshot.places_of(job.id), _places(job, gate))
    if job.waits and not job.waits_for and gate and gate not in _own_gates(model, job):
        yield f"{job.id} stands behind {gate}"


def _reason(model: ModelQueue, job: Job, gate: str) -> WaitReason | None:
    if not job.waits:
        return None
    if job.waits_for:
        return WaitReason.BLOCKED
    if gate:
        return WaitReason.LIMITED if gate[0] in "lbrn" else WaitReason.PAUSED
    if job.retrying:
        return WaitReason.RETRYING
    return WaitReason.PAUSED if job.state is State.QUEUED and job.queue in model.paused_queues else None


def _places(job: Job, gate: str) -> list[str]:
    if job.waits_for and job.waits:
        return [f":{job.queue}:blocked"]
    if job.state.is_final:
        return []
    return [f":{job.queue}:{gate}" if gate else job.queue]


def _own_gates(model: ModelQueue, job: Job) -> set[str]:
    """Every gate that can hold a job back, open or closed."""
    needs = ",".join(f"{name}={amount}" for name, amount in sorted(job.spec.needs.items()))
    scopes = {job.spec.scope, f"q:{job.queue}", f"f:{job.spec.function}"}
    return {
        *model.names(job),
        f"r:{needs}",
        f"n:{job.lacked}",
        *(f"{kind}:{scope}" for kind in "lb" for scope in scopes),
    }


def _queue(model: ModelQueue, snapshot: Snapshot, stats: QueueStats) -> Iterator[str]:
    own = [job for job in model.jobs.values() if job.queue == stats.name]
    waiting = [job for job in own if job.waits]
    blocked = [job for job in waiting if job.waits_for]
    later = [job for job in waiting if job.state is State.SCHEDULED and not job.waits_for]
    running = [job for job in own if job.state is State.RUNNING]
    found = (stats.queued, stats.blocked, stats.scheduled, stats.running, stats.paused)
    expected = (len(waiting) - len(later), len(blocked), len(later), len(running), stats.name in model.paused_queues)
    yield from _differ(f"{stats.name}, its numbers", found, expected)
    behind = [snapshot.gate_of(job.id) for job in waiting if not job.waits_for]
    yield from _differ(stats.name, stats.held_back, {gate: behind.count(gate) for gate in behind if gate})
    ended = {state: number for (queue, state), number in model.ended.items() if queue == stats.name}
    yield from _differ(f"{stats.name}, its ends", stats.ended, ended)
    scores = snapshot.values.get(KEYS.queue(stats.name), {})
    for job in own:
        if job.id in scores and not _is_in_place(job, scores[job.id]):
            yield f"{job.id} has the score {scores[job.id]}"


def _is_in_place(job: Job, score: float) -> bool:
    if job.state is State.RUNNING:
        return score == CLAIMED_SCORE
    return (READY_LIMIT < score < CLAIMED_SCORE) if job.state is State.SCHEDULED else score < READY_LIMIT


def _group(model: ModelQueue, name: str, counts: GroupCounts | None) -> Iterator[str]:
    group = model.groups[name]
    states = list(group.states.values())
    expected = {state: states.count(state) for state in states}
    left = sum(not state.is_final for state in states)
    yield from _differ(
        f"group {name}", counts and (counts.total, counts.left, counts.states), (group.total, left, expected)
    )
    yield from _differ(f"group {name}, its sum", counts and sum(counts.states.values()), group.total)


def _claims(model: ModelQueue, snapshot: Snapshot) -> Iterator[str]:
    running = [job for job in model.jobs.values() if job.state is State.RUNNING]
    held: dict[str, dict[str, str]] = snapshot.under("nbq:claims:")
    found = sorted(
        (job_id, engine, int(text.split()[0])) for engine, ids in held.items() for job_id, text in ids.items()
    )
    yield from _differ("claims", found, sorted((job.id, job.engine, job.fence) for job in running))
    marked = sorted(snapshot.under("arq:in-progress:"))
    yield from _differ("marks of jobs in progress", marked, sorted(job.id for job in running))
    asked = sorted((job_id, engine) for engine, ids in snapshot.under("nbq:stops:").items() for job_id in ids)
    yield from _differ("stops", asked, sorted((job.id, job.engine) for job in running if job.cancel))


def _limits(model: ModelQueue, snapshot: Snapshot) -> Iterator[str]:
    running = [job for job in model.jobs.values() if job.state is State.RUNNING]
    found = {scope: set(ids) for scope, ids in snapshot.under("nbq:holding:").items()}
    scopes = {scope for job in running for scope in job.holds}
    yield from _differ("holding", found, {scope: model.holding(scope) for scope in scopes})
    holders = {job_id for ids in snapshot.under("nbq:holds:").values() for job_id in ids}
    if not holders <= {job.id for job in running}:
        yield f"tokens of jobs that do not run: {holders}"


def _gates(snapshot: Snapshot) -> Iterator[str]:
    """Each gate is listed where jobs stand behind it, and nowhere else."""
    parked = sorted(snapshot.under("nbq:parked:"))
    listed = [f"{queue}:{gate}" for queue, gates in snapshot.under("nbq:gates:").items() for gate in gates]
    yield from _differ("gates", sorted(listed), parked)
    behind = [f"{queue}:{gate}" for gate, queues in snapshot.under("nbq:behind:").items() for queue in queues]
    yield from _differ("queues behind gates", sorted(behind), parked)


def _blobs(model: ModelQueue, snapshot: Snapshot) -> Iterator[str]:
    """Large pieces of arguments are counted by the jobs that have not ended."""
    used = [each for job in model.jobs.values() if not job.state.is_final for each in job.spec.blobs]
    counts = {digest: int(users["count"]) for digest, users in snapshot.under("nbq:blob-users:").items()}
    yield from _differ(
        "users of blobs", {digest: count for digest, count in counts.items() if count}, dict(Counter(used))
    )
    if lacking := set(used) - set(snapshot.under("nbq:blob:")):
        yield f"{lacking} are used, and gone"


def _order(model: ModelQueue, snapshot: Snapshot) -> Iterator[str]:
    """Those that are due stand in the order in which they are to start, held back or not."""
    places = {**snapshot.under("arq:queue:"), **snapshot.under("nbq:parked:")}
    for name, scores in places.items():
        ready = [job_id for job_id, score in scores.items() if score < READY_LIMIT]
        by_turn = sorted(ready, key=lambda job_id: (model.jobs[job_id].lane, model.jobs[job_id].order))
        yield from _differ(f"{name}, its order", ready, by_turn)


def _keys(model: ModelQueue, snapshot: Snapshot) -> Iterator[str]:
    """No key is left without its job."""
    yield from _differ("records", sorted(snapshot.under("nbq:job:")), sorted(model.jobs))
    live = {job.id for job in model.jobs.values() if not job.state.is_final}
    failed = {job.id for job in model.jobs.values() if job.state.is_final and job.state is not State.SUCCEEDED}
    submissions = set(snapshot.under("arq:job:"))
    if not live <= submissions <= live | failed:
        yield f"submissions {submissions} of the live {live}"
    results = set(snapshot.under("arq:result:"))
    yield from _differ("results", results, {job.id for job in model.jobs.values() if job.state is State.SUCCEEDED})
    checkpoints = set(snapshot.under("nbq:checkpoint:"))
    if not checkpoints <= live | failed:
        yield f"checkpoints {checkpoints} of the live {live} and the failed {failed}"
    expiring = {job.id for job in model.jobs.values() if job.waits and job.is_late}
    yield from _differ("those that expire", set(snapshot.values.get(KEYS.expiring, ())), expiring)
    for parent, children in snapshot.under("nbq:children:").items():
        if left := [
            child for child in children if child not in model.jobs or parent not in model.jobs[child].spec.after
        ]:
            yield f"{left} do not wait for {parent}"
    waited_for = {name for job in model.jobs.values() if job.waits for name, end in job.waits_for.items()}
    if not waited_for <= set(snapshot.under("nbq:children:")) & set(snapshot.values.get(KEYS.parents, ())):
        yield f"{waited_for} are waited for, and not listed"


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_text(name): _text(item) for name, item in value.items()}
    if isinstance(value, list | set):
        return dict(map(_text, value)) if any(isinstance(item, tuple) for item in value) else list(map(_text, value))
    return tuple(map(_text, value)) if isinstance(value, tuple) else value
