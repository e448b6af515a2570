"""All queues at a glance: their numbers, and the jobs that run or are next, in a few bounded round trips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import alerts, queues, scripts
from nbqueue.broker.keys import CLAIMED_SCORE, Keys
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


async def look(client: Any, keys: Keys, *, most_jobs: int, queue: str = "") -> Overview:
    """How the queues stand now, with the ids of about `most_jobs` jobs in all; `queue`: only of this one."""
    at_ms, names, left_out = await _names(client, keys)
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
    parked = await _parked(client, keys, {name: parts[name] for name in names}, share)
    measures = await scripts.run(client, alerts.measure(keys, names)) if names else []
    made = zip(names, (parts[name] for name in names), parked, measures, strict=True)
    return Overview(
        at_ms=at_ms, queues=tuple(_queue(*each, in_list=each[0] in listed) for each in made), left_out=left_out
    )


async def _names(client: Any, keys: Keys) -> tuple[int, list[str], int]:
    """The server's clock, the queues to look at, and how many there are besides."""
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
        sizes = dict(zip(names, await pipe.execute(), strict=True))
        names = sorted(sorted(names, key=lambda name: -sizes[name])[:MOST_QUEUES])
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
    client: Any, keys: Keys, parts: Mapping[str, list[Any]], jobs: int
) -> list[dict[str, tuple[int, list[bytes]]]]:
    """Of each queue: gate -> how many are held back behind it, and some of their ids."""
    gates = [(name, [gate.decode() for gate in part[-_LISTS]]) for name, part in parts.items()]
    pipe = client.pipeline(transaction=False)
    for name, found in gates:
        for gate in found:
            pipe.zcard(keys.parked(name, gate))
            pipe.zrange(keys.parked(name, gate), 0, jobs - 1)
    replies = iter(await pipe.execute() if any(found for _, found in gates) else ())
    return [{gate: (next(replies), next(replies)) for gate in found} for _, found in gates]


def _queue(
    name: str, part: list[Any], parked: dict[str, tuple[int, list[bytes]]], measure: Measure, *, in_list: bool
) -> QueueNow:
    *numbers, _, running, waiting = part
    behind = [job_id for _, ids in parked.values() for job_id in ids] if in_list else []
    return QueueNow(
        stats=queues.read_stats(name, numbers, {gate: count for gate, (count, _) in parked.items()}),
        measure=measure,
        running=tuple(item.decode(errors="replace") for item in running),
        waiting=tuple(item.decode(errors="replace") for item in (*waiting, *behind)),
    )
