"""All queues at a glance: their numbers, and the jobs that run or are next, in a few bounded round trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import queues
from nbqueue.broker.bounds import CLAIMED_SCORE, READY_LIMIT
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import StoreMemory, memory
from nbqueue.broker.queues import QueueStats
from nbqueue.model.states import State

#: queues that are looked at; where there are more, those with most jobs
MOST_QUEUES = 30
#: gates of a queue that are looked behind
MOST_GATES = 20
#: jobs of a queue that are named at least
LEAST_JOBS = 30
#: replies of a queue besides its numbers: gates, running, waiting
_LISTS = 3
#: replies about a queue that is only counted
_COUNTS = 5
_STATES = frozenset(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNow:
    """One queue."""

    stats: QueueStats
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
    #: names of queues that were not looked at
    others: tuple[str, ...] = ()
    memory: StoreMemory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is asked for first."""

    at_ms: int
    #: names of queues to look at, and of the others
    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    #: names of queues that are paused, and of those that take no more jobs
    paused: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()


async def look(client: Any, keys: Keys, *, most_jobs: int, queue: str = "") -> Overview:
    """How the queues stand now, with the ids of about `most_jobs` jobs in all; `queue`: only of this one."""
    known = await _known(client, keys, queue)
    names = known.names
    listed = (queue,) if queue else names
    share = max(most_jobs // max(len(listed), 1), LEAST_JOBS)
    pipe = client.pipeline(transaction=False)
    for name in names:
        _ask(pipe, keys, name, share if name in listed else 0)
    found = await pipe.execute(raise_on_error=False) if names else []
    width = len(found) // max(len(names), 1)
    parts = {name: found[width * i : width * (i + 1)] for i, name in enumerate(names)}
    # what none of ours wrote must not hide the other queues
    names = tuple(name for name in names if _is_sound(parts[name]))
    parked = await _parked(client, keys, {name: parts[name] for name in names}, dict.fromkeys(listed, share))
    made = zip(names, (parts[name] for name in names), parked, strict=True)
    return Overview(
        at_ms=known.at_ms, queues=tuple(_queue(known, *each) for each in made), others=known.others,
        memory=await memory(client),
    )  # fmt: skip


async def rest(client: Any, keys: Keys, names: Sequence[str]) -> list[QueueStats]:
    """The numbers of queues that are not looked at, without what is held back of them by gate."""
    replies = await _each(client, [command for name in names for command in _counts(keys, name)])
    parts = {name: replies[_COUNTS * i : _COUNTS * (i + 1)] for i, name in enumerate(names)}
    gates = [(name, gate.decode(errors="replace")) for name, part in parts.items() for gate in part[3] or ()]
    held_back = dict.fromkeys(names, 0)
    for (name, _), size in zip(
        gates, await _each(client, [("ZCARD", keys.parked(*gate)) for gate in gates]), strict=True
    ):
        held_back[name] += size or 0
    return [_rest(name, part, held_back[name]) for name, part in parts.items()]


def _counts(keys: Keys, name: str) -> list[tuple[Any, ...]]:
    return [
        ("ZCOUNT", keys.queue(name), "-inf", f"({READY_LIMIT}"),
        ("ZCOUNT", keys.queue(name), CLAIMED_SCORE, "+inf"),
        ("ZCARD", keys.queue(name)), ("ZRANGE", keys.gates(name), 0, MOST_GATES - 1), ("HGETALL", keys.counts(name)),
    ]  # fmt: skip


def _rest(name: str, part: Sequence[Any], held_back: int) -> QueueStats:
    ready, running, total, _, ended = part
    return QueueStats(
        name=name, queued=(ready or 0) + held_back, running=running or 0,
        scheduled=(total or 0) - (ready or 0) - (running or 0),
        ended={State(state.decode()): int(count) for state, count in (ended or {}).items() if _is_count(state, count)},
    )  # fmt: skip


def _is_count(state: bytes, count: bytes) -> bool:
    return state.decode(errors="replace") in _STATES and count.isdigit()


async def _known(client: Any, keys: Keys, chosen: str) -> _Known:
    """The server's clock, the queues to look at, a chosen one among them, and which there are besides."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for key in (keys.queues, keys.paused, keys.closed):
        pipe.smembers(key)
    (seconds, micro), *found = sound(await pipe.execute(raise_on_error=False))
    every, paused, closed = ({item.decode(errors="replace") for item in members or ()} for members in found)
    names, others = sorted(every), set[str]()
    if len(names) > MOST_QUEUES:
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.zcard(keys.queue(name))
        sizes = dict(zip(names, sound(await pipe.execute(raise_on_error=False)), strict=True))
        names = sorted(sorted(names, key=lambda name: (name != chosen, -(sizes[name] or 0)))[:MOST_QUEUES])
        others = every - set(names)
    return _Known(
        at_ms=seconds * 1000 + micro // 1000, names=tuple(names), others=tuple(sorted(others)),
        paused=frozenset(paused), closed=frozenset(closed),
    )  # fmt: skip


def _is_sound(part: list[Any]) -> bool:
    """Whether these are the replies about a queue as ours write it."""
    counts = part[-_LISTS - 1]
    return not any(isinstance(reply, Exception) for reply in part) and all(
        _is_count(state, count) for state, count in counts.items()
    )


def _ask(pipe: Any, keys: Keys, name: str, jobs: int) -> None:
    queues.ask_numbers(pipe, keys, name)
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


def _queue(known: _Known, name: str, part: list[Any], parked: dict[str, tuple[int, list[bytes]]]) -> QueueNow:
    queued, scheduled, claimed, ended, _, running, waiting = part
    numbers = (queued, scheduled, claimed, name in known.paused, name in known.closed, ended)
    behind = [job_id for _, ids in parked.values() for job_id in ids]
    return QueueNow(
        stats=queues.read_stats(name, numbers, {gate: count for gate, (count, _) in parked.items()}),
        running=tuple(item.decode(errors="replace") for item in running),
        waiting=tuple(item.decode(errors="replace") for item in (*waiting, *behind)),
    )
