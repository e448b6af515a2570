"""Why a ready job does not run yet, in words: who is before it, what is busy, what holds it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbqueue.model.advice import Offers
from nbqueue.model.limits import Limit


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds jobs up at a moment."""

    offers: Offers
    #: queue -> slots for sync functions of its workers that are busy, and all of them
    slots: Mapping[str, tuple[int, int]]
    #: names of queues
    paused: frozenset[str] = frozenset()
    #: id -> its place, of the jobs that were asked for
    places: Mapping[str, Place]


def why(standing: Standing, queue: str, job_id: str = "") -> str:
    """Why a job, or whatever is ready in a queue, does not run; nothing where that is not known."""
    place = standing.places.get(job_id, Place())
    if place.gate:
        return _behind(place)
    if queue in standing.paused:
        return f'queue "{queue}" is paused'
    busy, slots = standing.slots.get(queue, (0, 0))
    parts = []
    if place.ahead:
        parts.append(f"behind {place.ahead:,} job{'s' if place.ahead > 1 else ''}")
    if place.in_process and slots and busy >= slots:
        parts.append(f"{busy:,} of {slots:,} slots busy")
    return ", ".join(parts)


_GATES = {
    "f": "function {} is paused", "t": 'tag "{}" is paused', "g": "its group is paused",
    "r": "waits for {}", "n": "left to another worker, which has what it needs",
}  # fmt: skip


def _behind(place: Place) -> str:
    """What a gate says, whose name begins with its kind."""
    kind, _, name = place.gate.partition(":")
    if kind in {"l", "b"}:
        return f"over {_limited(name)}" + (f" ({place.limit})" if place.limit is not None else "")
    return _GATES.get(kind, "held back").format(name)


def _limited(scope: str) -> str:
    """Whose limit it is: of a queue, a function or a key."""
    kind, _, name = scope.partition(":")
    return {"q": f'the limit of queue "{name}"', "f": f"the limit of {name}"}.get(kind, f'the limit of key "{name}"')
