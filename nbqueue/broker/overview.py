"""All queues at a glance: their numbers, and the jobs that run or are next, in a few bounded round trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import alerts, queues, scripts
from nbqueue.broker.bounds import CLAIMED_SCORE
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import StoreMemory, memory
from nbqueue.broker.queues import QueueStats
from nbqueue.model.alerting import Measure
from nbqueue.model.states import State

#: queues that are looked at; where there are more, those with most jobs
MOST_QUEUES = 30
#: gates of a queue that are looked behind
MOST_GATES = 20
#: jobs of a queue that are named at least
LEAST_JOBS = 30
#: replies of a queue besides its numbers: gates, running, waiting
_LISTS = 3
_STATES = frozenset(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNow:
    """One queue."""

    stats: QueueStats
    #: since when its oldest job has waited, and how many ended
    measure: Measure
    #: ids of jobs that run
    running: tuple[str, ...] = ()
    #: ids of jobs that wait: those next to run, then those that are held back
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All queues at one moment."""

    #: the server's clock
    at_ms: int
    queues: tuple[QueueNow, ...] = ()
    #: queues that were not looked at
    left_out: int = 0
    memory: StoreMemory | None = None


async def look(client: Any, keys: Keys, *, most_jobs: int, queue: str = "") -> Overview:
    """How the queues stand now, with the ids of about `most_jobs` jobs in all; `queue`: only of this one."""
    at_ms, names, left_out = await _names(client, keys, queue)
    listed = [queue] if queue else names
    share = max(most_jobs // max(len(listed), 1), LEAST_JOBS)
    pipe = client.pipeline(transaction=False)
    for name in names:
        _ask(pipe, keys, name, share if name in listed else 0)
    found = await pipe.execute(raise_on_error=False) if names else []
    width = len(found) // max(len(names), 1)
    parts = {name: found[width * i : width * (i + 1)] for i, name in enumerate(names)}
    # what none of ours wrote must not hide the other queues
    names = [name for name in names if _is_sound(parts[name])]
    parked = await _parked(client, keys, {name: parts[name] for name in names}, dict.fromkeys(listed, share))
    measures = await scripts.run(client, alerts.measure(keys, names)) if names else []
    made = zip(names, (parts[name] for name in names), parked, measures, strict=True)
    return Overview(
        at_ms=at_ms, queues=tuple(_queue(*each) for each in made), left_out=left_out,
        memory=await memory(client),
    )  # fmt: skip


async def _names(client: Any, keys: Keys, chosen: str) -> tuple[int, list[str], int]:
    """The server's clock, the queues to look at, a chosen one among them, and how many there are besides."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.smembers(keys.queues)
    (seconds, micro), members = await pipe.execute()
    names = sorted(item.decode(errors="replace") for item in members)
    left_out = max(len(names) - MOST_QUEUES, 0)
    if left_out:
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.zcard(keys.queue(name))
        sizes = dict(zip(names, sound(await pipe.execute(raise_on_error=False)), strict=True))
        names = sorted(sorted(names, key=lambda name: (name != chosen, -(sizes[name] or 0)))[:MOST_QUEUES])
    return seconds * 1000 + micro // 1000, names, left_out


def _is_sound(part: list[Any]) -> bool:
    """Whether these are the replies about a queue as ours write it."""
    counts = part[-_LISTS - 1]
    return not any(isinstance(reply, Exception) for reply in part) and all(
        state.decode(errors="replace") in _STATES and count.isdigit() for state, count in counts.items()
    )


def _ask(pipe: Any, keys: Keys, name: str, jobs: int) -> None:
    queues.ask_stats(pipe, keys, name)
    pipe.zrange(keys.gates(name), 0, MOST_GATES - 1)
    pipe.zrangebyscore(keys.queue(name), CLAIMED_SCORE, "+inf", start=0, num=jobs)
    pipe.zrangebyscore(keys.queue(name), "-inf", f"({CLAIMED_SCORE}", start=0, num=jobs)


async def _parked(
    client: Any, keys: Keys, parts: Mapping[str, list[Any]], shares: Mapping[str, int]
) -> list[dict[str, tuple[int, list[bytes]]]]:
    """Of each queue: gate -> how many are held back behind it, and some of their ids, where the queue has a share."""
    gates = [(name, gate.decode(errors="replace")) for name, part in parts.items() for gate in part[-_LISTS]]
    sizes = await _each(client, [("ZCARD", keys.parked(*gate)) for gate in gates])
    found: dict[str, dict[str, tuple[int, list[bytes]]]] = {name: {} for name in parts}
    for (name, gate), size in zip(gates, sizes, strict=True):
        found[name][gate] = (size or 0, [])
    asked = [
        (name, gate, most) for name, behind in found.items()
        for gate, most in zip(behind, divided(shares.get(name, 0), [size for size, _ in behind.values()]), strict=True)
        if most
    ]  # fmt: skip
    ids = await _each(client, [("ZRANGE", keys.parked(name, gate), 0, most - 1) for name, gate, most in asked])
    for (name, gate, _), part in zip(asked, ids, strict=True):
        found[name][gate] = (found[name][gate][0], part or [])
    return list(found.values())


def divided(room: int, sizes: Sequence[int]) -> list[int]:
    """How many of each size fit into the room: equal shares, and what some do not need goes to the others."""
    found, left = [0] * len(sizes), room
    for rank, at in enumerate(sorted(range(len(sizes)), key=lambda at: sizes[at])):
        found[at] = min(sizes[at], left // (len(sizes) - rank))
        left -= found[at]
    return found


async def _each(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What each command gives, None where another type stands."""
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return sound(await pipe.execute(raise_on_error=False)) if commands else []


def _queue(name: str, part: list[Any], parked: dict[str, tuple[int, list[bytes]]], measure: Measure) -> QueueNow:
    *numbers, _, running, waiting = part
    behind = [job_id for _, ids in parked.values() for job_id in ids]
    return QueueNow(
        stats=queues.read_stats(name, numbers, {gate: count for gate, (count, _) in parked.items()}),
        measure=measure,
        running=tuple(item.decode(errors="replace") for item in running),
        waiting=tuple(item.decode(errors="replace") for item in (*waiting, *behind)),
    )
