"""What holds jobs up that are ready: one small question for all that somebody looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.broker.attendance import holding, resources_of, served_by
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import PROCESS_RANK, Keys
from nbqueue.model.holdup import Place, Standing
from nbqueue.model.limits import Limit

#: replies of a job, and of an engine
_JOB, _ENGINE = 4, 2


async def standing(client: Any, keys: Keys, jobs: Mapping[str, str]) -> Standing:
    """How things stand for jobs (id -> queue), and in all queues that an engine serves; on the server's clock."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrange(keys.leases, 0, -1, withscores=True)
    pipe.smembers(keys.paused)
    pipe.hgetall(keys.limits)
    for job_id, queue in jobs.items():
        pipe.zscore(keys.queue(queue), job_id)
        pipe.zrank(keys.queue(queue), job_id)
        pipe.zcount(keys.queue(queue), "-inf", f"({PROCESS_RANK}")
        pipe.hmget(keys.record(job_id), "parked", "limits")
    clock, leases, paused, limits, *rest = sound(await pipe.execute(raise_on_error=False))
    offers, slots = _engines(await _ask_engines(client, keys, holding(clock, leases)))
    places = {
        job_id: _place(queue, rest[number : number + _JOB], limits or {})
        for number, (job_id, queue) in zip(range(0, len(rest), _JOB), jobs.items(), strict=True)
    }
    names = frozenset(name.decode(errors="replace") for name in paused or ())
    return Standing(offers=offers, slots=slots, paused=names, places=places)


async def _ask_engines(client: Any, keys: Keys, live: Sequence[str]) -> Sequence[Any]:
    if not live:
        return ()
    pipe = client.pipeline(transaction=False)
    for engine in live:
        pipe.hmget(keys.engine(engine), "queues", "resources", "slots")
        pipe.hvals(keys.claims(engine))
    return sound(await pipe.execute(raise_on_error=False))


def _engines(found: Sequence[Any]) -> tuple[dict[str, list[Any]], dict[str, tuple[int, int]]]:
    """What the engines offer, and how many of their slots for sync functions are busy, by queue."""
    offers: dict[str, list[Any]] = {}
    slots: dict[str, tuple[int, int]] = {}
    for number in range(0, len(found), _ENGINE):
        queues, resources, own = found[number] or (None, None, None)
        all_of_it = int(own) if own and own.isdigit() else 0
        # those that rest hold none
        busy = min(sum(map(_is_in_process, found[number + 1] or ())), all_of_it)
        for name in served_by(queues):
            offers.setdefault(name, []).append(resources_of(resources))
            before = slots.get(name, (0, 0))
            slots[name] = (before[0] + busy, before[1] + all_of_it)
    return offers, slots


def _is_in_process(claim: bytes) -> bool:
    """Whether what was claimed is a sync function's, by the fence and the rank that stand first in the claim."""
    rank = claim.split(b" ", 2)[1:2]
    return bool(rank) and rank[0].isdigit() and int(rank[0]) >= PROCESS_RANK


def _place(queue: str, found: Sequence[Any], limits: Mapping[bytes, bytes]) -> Place:
    score, ahead, in_loop, about = found
    parked, brought = about or (None, None)
    # the queue's name may have colons too
    gate = parked.decode(errors="replace").removeprefix(f"{queue}:") if parked else ""
    kind, _, scope = gate.partition(":")
    if kind == "l":
        return Place(gate=gate, limit=_limit(limits.get(scope.encode())))
    if kind == "b":
        return Place(gate=gate, limit=_limit(brought, scope))
    # workers take from both lanes, each by itself
    in_process = score is not None and score >= PROCESS_RANK
    before = ahead - in_loop if in_process and ahead is not None else ahead
    return Place(ahead=before, in_process=in_process, gate=gate)


def _limit(text: bytes | None, scope: str = "") -> Limit | None:
    """A limit as it was written down, of several that of a scope; None where nothing of ours was."""
    try:
        found = json.loads(text or "null")
        return Limit.from_wire(found[scope] if scope else found)
    except (ValueError, TypeError, KeyError):
        return None
