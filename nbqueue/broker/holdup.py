"""What holds jobs up that wait: one small question for all that somebody looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import waited_for
from nbqueue.broker.asking import ask
from nbqueue.broker.attendance import holding, resources_of, served_by
from nbqueue.broker.bounds import PROCESS_RANK
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.model.holdup import BLOCKED, Place, Standing
from nbqueue.model.limits import Limit
from nbqueue.model.resources import known, remaining

#: replies of a job, and of an engine
_JOB, _ENGINE = 3, 2
#: claims of all engines that are looked at for what they take
CLAIMS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of a job that waits."""

    queue: str
    score: float | None
    #: jobs before it, of both kinds, and those in its queue that are for an event loop
    ahead: int | None
    in_loop: int
    #: what it is held back behind
    gate: str
    limits: bytes | None
    needs: str
    #: how many of those that it waits for have not ended
    parents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    """What an engine has written down, and what it has claimed."""

    queues: Sequence[str]
    offers: Mapping[str, float]
    slots: int
    claims: Mapping[bytes, bytes]
    #: whether it claims no more, as its worker ends
    draining: bool = False


async def standing(client: Any, keys: Keys, jobs: Mapping[str, str]) -> Standing:
    """How things stand for jobs (id -> queue), and in all queues that an engine serves; on the server's clock."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrange(keys.leases, 0, -1, withscores=True)
    pipe.smembers(keys.paused)
    pipe.hgetall(keys.limits)
    _put_jobs(pipe, keys, jobs)
    clock, leases, paused, limits, *rest = sound(await pipe.execute(raise_on_error=False))
    found = _jobs(jobs, rest)
    blocked = [job_id for job_id, each in found.items() if each.gate == BLOCKED]
    parents = await waited_for.names(client, keys, await _after(client, keys, blocked)) if blocked else {}
    engines = await _ask_engines(client, keys, holding(clock, leases))
    needy = any(each.needs and not each.gate for each in found.values())
    return Standing(
        offers=_by_queue(engines, [engine.offers for engine in engines]),
        slots=_slots(engines),
        paused=frozenset(name.decode(errors="replace") for name in paused or ()),
        free=_by_queue(engines, await _ask_free(client, keys, engines)) if needy else {},
        places={job_id: _place(each, limits or {}, parents.get(job_id, "")) for job_id, each in found.items()},
    )


def _put_jobs(pipe: Any, keys: Keys, jobs: Mapping[str, str]) -> None:
    for queue in dict.fromkeys(jobs.values()):
        pipe.zcount(keys.queue(queue), "-inf", f"({PROCESS_RANK}")
    for job_id, queue in jobs.items():
        pipe.zscore(keys.queue(queue), job_id)
        pipe.zrank(keys.queue(queue), job_id)
        pipe.hmget(keys.record(job_id), "parked", "limits", "needs", "waits_for")


async def _after(client: Any, keys: Keys, blocked: Sequence[str]) -> dict[str, Sequence[str]]:
    """What jobs wait for, which may be much."""
    pipe = client.pipeline(transaction=False)
    for job_id in blocked:
        pipe.hget(keys.record(job_id), "after")
    return dict(zip(blocked, map(_ids, sound(await pipe.execute(raise_on_error=False))), strict=True))


def _jobs(jobs: Mapping[str, str], replies: Sequence[Any]) -> dict[str, _Found]:
    """What these replies say of each job."""
    queues = list(dict.fromkeys(jobs.values()))
    in_loop = dict(zip(queues, replies, strict=False))
    found = {}
    for number, (job_id, queue) in enumerate(jobs.items()):
        at = len(queues) + _JOB * number
        score, ahead, about = replies[at : at + _JOB]
        parked, limits, needs, parents = about or [None] * 4
        found[job_id] = _Found(
            queue=queue, score=score, ahead=ahead, in_loop=in_loop[queue] or 0, limits=limits,
            # the queue's name may have colons too
            gate=_text(parked).removeprefix(f"{queue}:"),
            needs=_text(needs), parents=int(parents) if parents and parents.isdigit() else 0,
        )  # fmt: skip
    return found


async def _ask_engines(client: Any, keys: Keys, live: Sequence[str]) -> Sequence[_Engine]:
    if not live:
        return ()
    pipe = client.pipeline(transaction=False)
    for engine in live:
        pipe.hmget(keys.engine(engine), "queues", "resources", "slots", "draining")
        pipe.hgetall(keys.claims(engine))
    found = sound(await pipe.execute(raise_on_error=False))
    return [_engine(*found[number : number + _ENGINE]) for number in range(0, len(found), _ENGINE)]


def _engine(about: Sequence[bytes | None] | None, claims: Mapping[bytes, bytes] | None) -> _Engine:
    queues, resources, slots, draining = about or (None,) * 4
    all_of_it = int(slots) if slots and slots.isdigit() else 0
    return _Engine(
        queues=served_by(queues),
        offers=resources_of(resources),
        slots=all_of_it,
        claims=claims or {},
        draining=draining == b"1",
    )


async def _ask_free(client: Any, keys: Keys, engines: Sequence[_Engine]) -> list[Mapping[str, float]]:
    """What each engine has free of what it offers; jobs that rest hold nothing, and are not told apart here."""
    claimed = [job_id for engine in engines if engine.offers for job_id in engine.claims][:CLAIMS]
    asked = [(b"HGET", keys.record(_text(job_id)), "needs") for job_id in claimed]
    replies = sound(await ask(client, *asked)) if asked else []
    needs = {job_id: known(_text(text)) for job_id, text in zip(claimed, replies, strict=True) if text}
    return [
        remaining(engine.offers, [needs[job_id] for job_id in engine.claims if job_id in needs]) for engine in engines
    ]


def _by_queue(engines: Sequence[_Engine], amounts: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for engine, each in zip(engines, amounts, strict=True):
        for name in engine.queues:
            found.setdefault(name, []).append(each)
    return found


def _slots(engines: Sequence[_Engine]) -> dict[str, tuple[int, int]]:
    """How many of the slots for sync functions are busy, and all of them, by queue; without those that go."""
    found: dict[str, tuple[int, int]] = {}
    for engine in engines:
        if engine.draining:
            continue
        # those that rest hold none
        busy = min(sum(map(_is_in_process, engine.claims.values())), engine.slots)
        for name in engine.queues:
            before = found.get(name, (0, 0))
            found[name] = (before[0] + busy, before[1] + engine.slots)
    return found


def _is_in_process(claim: bytes) -> bool:
    """Whether what was claimed is a sync function's, by the fence and the rank that stand first in the claim."""
    rank = claim.split(b" ", 2)[1:2]
    return bool(rank) and rank[0].isdigit() and int(rank[0]) >= PROCESS_RANK


def _place(found: _Found, limits: Mapping[bytes, bytes], parent: str) -> Place:
    kind, _, scope = found.gate.partition(":")
    if kind == "l":
        return Place(gate=found.gate, limit=_limit(limits.get(scope.encode())), needs=found.needs)
    if kind == "b":
        return Place(gate=found.gate, limit=_limit(found.limits, scope), needs=found.needs)
    if kind == BLOCKED:
        return Place(gate=found.gate, parent=parent, parents=found.parents)
    # workers take from both lanes, each by itself
    in_process = found.score is not None and found.score >= PROCESS_RANK
    before = found.ahead - found.in_loop if in_process and found.ahead is not None else found.ahead
    return Place(ahead=before, in_process=in_process, gate=found.gate, needs=found.needs)


def _limit(text: bytes | None, scope: str = "") -> Limit | None:
    """A limit as it was written down, of several that of a scope; None where nothing of ours was."""
    try:
        found = json.loads(text or "null")
        return Limit.from_wire(found[scope] if scope else found)
    except (ValueError, TypeError, KeyError):
        return None


def _ids(text: bytes | None) -> Sequence[str]:
    """Ids as they were written down; none where nothing of ours was."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return ()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else ()


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
