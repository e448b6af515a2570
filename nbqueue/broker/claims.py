"""What a worker does with jobs in the server: claim, finish, keep what they report, hold and reap leases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from redis.exceptions import ResponseError

from nbqueue.broker.keys import Keys
from nbqueue.broker.parcels import LARGE_BYTES, LEFT, leave
from nbqueue.broker.scripts import Call, script
from nbqueue.model.resources import NOTHING, canonical
from nbqueue.model.states import State

#: a lease is renewed each second and reaped each half second
LEASE_S = 4.0
#: losses and crashes after which a job is given up
MAX_LOSSES = 3
#: jobs that expire in one go
MOST_EXPIRED = 200
LOG_BYTES = 1_000_000
#: a result that is kept until someone removes it
FOR_EVER = float("inf")

#: nothing is left to others
NONE_LACKED: Mapping[str, Sequence[str]] = MappingProxyType({})

#: a delay that says: none, but a process is needed, for which the job was not claimed
TO_PROCESS_LANE_S = -0.001


class Claim(NamedTuple):
    """A job an engine holds until it finishes it or loses its lease."""

    job_id: str
    #: counts the claims of this job; a write by an older one is refused
    fence: int
    tries: int
    losses: int
    crashes: int
    submitted_ms: int
    due_ms: int
    started_ms: int
    group: str
    #: the sealed submission; None where the store has none; empty: it is large, and to be read apart
    submission: bytes | None
    queue: str
    #: whether no client of ours submitted it: the record beside the submission was written by nobody
    adopted: bool = False
    #: whose room it was claimed for: LANE_LOOP or LANE_PROCESS
    lane: int = 0
    #: the resources it takes while it runs, as canonical text; empty: none
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim."""

    claims: list[Claim]
    #: seconds until the next waiting job is due, or None
    next_due_s: float | None
    #: whether the engine still has its lease; without it nothing is claimed
    has_lease: bool
    #: ready jobs found in the loop's lane and in the process lane; as many as there was room: there may be more
    found: tuple[int, int]
    #: whether jobs wait for the ends of others
    awaited: bool = False


class Finish(NamedTuple):
    """How one claim ends: a final state, another attempt, or given back."""

    job_id: str
    fence: int
    #: a final state; QUEUED or SCHEDULED: it runs again
    state: State
    delay_s: float = 0.0
    charge: Literal["try", "crash", "loss", "none"] = "none"
    #: the sealed result, or empty
    result: bytes = b""
    keep_s: float = 0.0
    error_type: str = ""
    error: str = ""
    stopped_by: str = ""
    #: of a job that is given back for others: what it needs that is lacking here
    lacked: str = ""
    #: the attempt's line in the history as JSON; empty for none
    record: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a running job reported since the last one."""

    job_id: str
    fence: int
    progress: Mapping[str, Any] | None = None
    log: str = ""
    checkpoint: bytes = b""
    #: its metrics over time in this attempt, now and then
    trace: Mapping[str, Any] | None = None


def claim(
    keys: Keys, *, queue: str, queue_key: str, engine: str, loop_room: int, process_room: int, stock: bool = False,
    resources: Mapping[str, float] = NOTHING, lacks: Mapping[str, Sequence[str]] = NONE_LACKED,
) -> Call[Claimed]:  # fmt: skip
    """Claim ready jobs of a queue, up to the room in each lane and what is free of resources.

    `lacks`: what is left to others, by what it is, with the ids of engines that have it.
    """

    def read(reply: Any) -> Claimed:
        now, due = int(reply[0]), int(float(reply[1]))
        claims = [_claim(item, now, queue) for item in reply[2]]
        return Claimed(claims, max(due - now, 0) / 1000 if due else None, now > 0, (reply[3], reply[4]), reply[5] == 1)

    return Call(
        script("claim"),
        (queue_key, keys.claims(engine), keys.leases, keys.paused, keys.events, keys.sequence),
        (keys.prefix, queue, engine, loop_room, process_room, int(stock), canonical(resources),
         json.dumps(lacks) if lacks else ""),
        read,
    )  # fmt: skip


def _claim(item: list[Any], now: int, queue: str) -> Claim:
    job_id, about, submission = item
    fence, tries, crashes, losses, submitted, due, adopted, lane, needs, group = about.split(b" ", 9)
    return Claim(
        _text(job_id), int(fence), int(tries), int(losses), int(crashes), int(submitted), int(due), now,
        group.decode(errors="replace"), submission, queue, adopted == b"1", int(lane),
        "" if needs == b"-" else needs.decode(errors="replace"),
    )  # fmt: skip


def finish(keys: Keys, engine: str, ends: Sequence[Finish]) -> Call[list[bool]]:
    """Record how claims ended; per claim whether it was still valid."""
    ways: dict[_Way, int] = {}
    args: list[Any] = []
    for end in ends:
        way = (end.state, end.delay_s, end.charge, end.keep_s, end.error_type, end.error, end.stopped_by, end.lacked)
        number = ways.setdefault(way, len(ways) + 1)
        args += (id_bytes(end.job_id), end.fence, number, end.result, end.record)
    listed = [word for way in ways for word in _way(way)]
    return Call(
        script("finish"),
        (keys.claims(engine), keys.events, keys.stops(engine)),
        (keys.prefix, len(ways), *listed, *args),
        lambda reply: [item == 1 for item in reply],
    )


#: how a claim ends, apart from what is its own
_Way = tuple[State, float, str, float, str, str, str, str]


def _way(way: _Way) -> tuple[str | int | bytes, ...]:
    state, delay_s, charge, keep_s, error_type, error, stopped_by, lacked = way
    keep_ms = round(keep_s * 1000) if keep_s != FOR_EVER else -1
    words = map(_words, (error_type, error, stopped_by, lacked))
    return state.value, round(delay_s * 1000), charge, keep_ms, *words


async def send_ahead(client: Any, keys: Keys, ends: Sequence[Finish]) -> list[Finish]:
    """The ends, after large results in them were sent by themselves."""
    return [
        await _sent_ahead(client, keys, end) if len(end.result) > LARGE_BYTES and end.keep_s else end for end in ends
    ]


async def _sent_ahead(client: Any, keys: Keys, end: Finish) -> Finish:
    try:
        await leave(client, keys, end.job_id, end.fence, end.result)
    except ResponseError:
        return end  # a full server, say: `finish` frees before it writes
    return end._replace(result=LEFT)


def report(keys: Keys, engine: str, reports: Sequence[Report]) -> Call[list[bool]]:
    """Keep what jobs reported; per job whether its claim is still valid."""
    args: list[Any] = [keys.prefix, LOG_BYTES]
    for item in reports:
        progress = "" if item.progress is None else json.dumps(item.progress)
        log = item.log.encode(errors="replace")
        trace = "" if item.trace is None else json.dumps({"fence": item.fence, "series": item.trace})
        args += (id_bytes(item.job_id), item.fence, progress, log, item.checkpoint, trace)
    return Call(script("report"), (keys.claims(engine),), args, lambda reply: [one == 1 for one in reply])


def lease(keys: Keys, engines: Sequence[str], *, begin: bool = False, length_s: float = LEASE_S) -> Call[list[bool]]:
    """Open (`begin`) or renew leases; per engine whether it has one now."""
    return Call(
        script("lease"),
        (keys.leases,),
        (keys.prefix, round(length_s * 1000), int(begin), *engines),
        lambda reply: [item == 1 for item in reply],
    )


def reap(
    keys: Keys, dead: Sequence[str] = (), *, charged: bool = True, ended: bool = True, guilty: str = ""
) -> Call[int]:
    """Give back the jobs of engines whose lease ran out (`ended`), and of those named; how many jobs.

    Each counts it as a loss if `charged`; where one job is known to be `guilty`, only that one does.
    """
    return Call(
        script("reap"),
        (keys.leases, keys.events),
        (keys.prefix, MAX_LOSSES, int(charged), int(ended), id_bytes(guilty), *dead),
        int,
    )


def expire(keys: Keys) -> Call[bool]:
    """End jobs that were not started in time, some at once; whether there may be more."""
    return Call(script("expire"), (keys.expiring, keys.events), (keys.prefix, MOST_EXPIRED), bool)


def publish(channel: str, message: bytes) -> Call[int]:
    """Send a message to whoever listens."""
    return Call(None, (), ("PUBLISH", channel, message), int)


def rouse(keys: Keys, engine: str) -> Call[int]:
    """End an engine's own wait for calls, so that it begins another one."""
    return Call(script("rouse"), (keys.wake(engine),), (), int)


async def stops(client: Any, keys: Keys, engine: str) -> dict[str, str]:
    """The jobs this engine is to stop, with the reason; they stay listed until they end."""
    found = await client.hgetall(keys.stops(engine))
    return {_text(job_id): reason.decode(errors="replace") for job_id, reason in found.items()}


async def held(client: Any, keys: Keys, engine: str) -> dict[str, int]:
    """The jobs the server thinks this engine holds, with their fences."""
    found: dict[bytes, bytes] = await client.hgetall(keys.claims(engine))
    return {_text(job_id): int(claim.partition(b" ")[0]) for job_id, claim in found.items()}


async def checkpoint(client: Any, keys: Keys, job_id: str) -> bytes | None:
    """The last checkpoint an earlier attempt left."""
    found: bytes | None = await client.get(keys.checkpoint(job_id))
    return found


def id_bytes(job_id: str) -> str | bytes:
    """A job id as the server has it."""
    return job_id if job_id.isascii() else job_id.encode("utf-8", "surrogateescape")


def _text(job_id: bytes) -> str:
    """A job id as text; bytes that are not UTF-8 survive the way there and back."""
    return job_id.decode("utf-8", "surrogateescape")


def _words(text: str) -> bytes:
    """Words of user code as bytes: what is no UTF-8 in them must not hold up the ends of other jobs."""
    return text.encode(errors="replace")
