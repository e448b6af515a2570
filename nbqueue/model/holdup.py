"""Why a job does not run yet, in words: who is before it, what is busy, what holds it back, what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbqueue.model import labels
from nbqueue.model.advice import Offers, lack
from nbqueue.model.job import JobRecord
from nbqueue.model.limits import Limit
from nbqueue.model.resources import fits, known
from nbqueue.model.states import State, WaitReason

#: the gate of jobs that wait for others
BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job waits."""

    #: jobs in its queue that are ready, of its kind (sync functions or the others) and before it; None: not known
    ahead: int | None = None
    #: whether it takes one of a worker's slots for sync functions
    in_process: bool = False
    #: what it is held back behind, as `nbq:gates` names it; empty: nothing
    gate: str = ""
    #: of that gate, where it is a limit and known
    limit: Limit | None = None
    #: the resources it takes while it runs, such as `gpu=1`
    needs: str = ""
    #: where it waits for others: one of them that has not ended, as "job train" or "group double", where that is known
    parent: str = ""
    #: and how many these are
    parents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds jobs up at a moment."""

    offers: Offers
    #: queue -> slots for sync functions of its workers that are busy, and all of them
    slots: Mapping[str, tuple[int, int]]
    #: names of queues
    paused: frozenset[str] = frozenset()
    #: what is free of the offers now, asked for the queues of jobs that need resources
    free: Offers = field(default_factory=dict)
    #: id -> its place, of the jobs that were asked for
    places: Mapping[str, Place]


def waiting(records: Iterable[JobRecord]) -> dict[str, str]:
    """Those of some jobs that something may hold up: id -> queue."""
    return {record.id: record.queue for record in records if record.may_be_held_up}


def of_job(standing: Standing, record: JobRecord) -> tuple[str, str]:
    """What a job will not get from the workers there are, and what helps; or why else it waits."""
    lacks = lack(record, standing.offers)
    return (lacks, "") if lacks or not record.may_be_held_up else ("", why(standing, record.queue, record.id))


def lack_at(standing: Standing, queue: str, job_id: str) -> str:
    """What a job that waits will not get, as `lack` says it, where only its place is known, as of a job of a group."""
    place = standing.places.get(job_id, Place())
    kind = place.gate.partition(":")[0]
    if queue in standing.paused or kind not in {"", *_LIMITS, "r", "n"}:
        return ""
    reason = WaitReason.LIMITED if kind else None
    record = JobRecord(id=job_id, state=State.QUEUED, queue=queue, reason=reason, needs=place.needs)
    return lack(record, standing.offers)


def why(standing: Standing, queue: str, job_id: str = "") -> str:
    """Why a job, or whatever is ready in a queue, does not run; nothing where that is not known.

    What will still hold when those before it are gone comes first.
    """
    place = standing.places.get(job_id, Place())
    if place.gate:
        return _behind(place)
    if queue in standing.paused:
        return of_pause(queue)
    busy, slots = standing.slots.get(queue, (0, 0))
    parts = []
    free = standing.free.get(queue)
    if place.needs and free is not None and not any(fits(known(place.needs), each) for each in free):
        parts.append(_GATES["r"].format(labels.in_words(place.needs)))
    if place.ahead:
        parts.append(f"behind {place.ahead:,} job{'s' if place.ahead > 1 else ''}")
    if place.in_process and slots and busy >= slots:
        parts.append(f"{busy:,} of {slots:,} slots busy")
    return ", ".join(parts)


def behind(gate: str) -> str:
    """What holds back who stands behind a gate, as `why` says it."""
    return _behind(Place(gate=gate))


def of_pause(queue: str) -> str:
    """What a pause of a whole queue says."""
    return f'queue "{queue}" is paused'


#: gates that are limits: of all, and those that jobs brought
_LIMITS = {"l", "b"}
_GATES = {
    "f": "function {} is paused", "t": 'tag "{}" is paused', "g": "its group is paused",
    "r": "waits for {}", "n": "left to another worker, which has what it needs",
}  # fmt: skip


def _behind(place: Place) -> str:
    """What a gate says, whose name begins with its kind."""
    kind, _, name = place.gate.partition(":")
    if kind == BLOCKED:
        return _for_others(place)
    if kind in _LIMITS:
        return f"over {_limited(name)}" + (f" ({place.limit})" if place.limit is not None else "")
    if kind == "n" and name.startswith("key:"):
        return f"waits for a worker with {name.replace(':', ' ', 1)}"
    return _GATES.get(kind, "held back").format(labels.in_words(name) if kind == "r" else name)


def _for_others(place: Place) -> str:
    """For whom it waits: one by name, as far as that is known."""
    others = place.parents - 1
    if not place.parent:
        return "waits for other jobs"
    return f"waits for {place.parent}" + (f" and {others:,} other{'s' if others > 1 else ''}" if others > 0 else "")


def _limited(scope: str) -> str:
    """Whose limit it is: of a queue, a function or a key."""
    kind, _, name = scope.partition(":")
    return {"q": f'the limit of queue "{name}"', "f": f"the limit of {name}"}.get(kind, f'the limit of key "{name}"')
