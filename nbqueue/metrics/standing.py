"""How a namespace stands: its queues, workers and server, read in a few round trips whose number no job changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from nbqueue.broker import minutes, queues, schedules, waits
from nbqueue.broker.asking import ask
from nbqueue.broker.bounds import CLAIMED_SCORE
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import StoreMemory, memory
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.metrics import causes
from nbqueue.metrics.places import MOST_QUEUES
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.states import State

#: gates of a queue that are counted behind
MOST_GATES = 200
#: queues that the server measures in one go, so that others are served in between
MEASURED_AT_ONCE = 50
#: schedules that have series of their own
MOST_SCHEDULES = 100
#: running jobs of all queues whose age is looked at, and of each queue at least
MOST_RUNNING, LEAST_RUNNING = 2000, 20
#: replies about a queue besides its six numbers: its gates, jobs that run, what came in this minute and the one before
_MORE = 4
_STATES = frozenset(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A namespace at one moment."""

    #: the queues, each with its `oldest_s`
    queues: tuple[QueueStats, ...] = ()
    #: queue -> jobs submitted in the last sixty seconds, reckoned from whole minutes
    arrivals: Mapping[str, float] = field(default_factory=dict)
    #: queue -> seconds that the job has run that has run for longest; 0: none runs
    oldest_runs: Mapping[str, float] = field(default_factory=dict)
    #: queues that were not looked at: there are too many
    left_out: int = 0
    engines: tuple[EngineInfo, ...] = ()
    #: engines that renew their leases no longer, whose jobs nobody has given back yet
    lapsed: int = 0
    memory: StoreMemory | None = None
    #: ends and alerts of which word is to be left, and those of which it was given up
    words_due: int = 0
    words_unheard: int = 0
    #: seconds that the schedule that is due longest has been due; 0: none is late
    schedule_late_s: float = 0.0
    #: some of the schedules, and the server's time, at which they stand so
    schedules: tuple[ScheduleRecord, ...] = ()
    at: datetime | None = None
    #: attempts that ended since the store began
    attempts: int = 0


async def look(client: Any, keys: Keys) -> Standing:
    """How it stands now."""
    at_ms, names, left_out = await _names(client, keys)
    parts = await _parts(client, keys, names, at_ms)
    sizes = await _held_back(client, keys, {name: part[6] for name, part in parts.items()})
    held = await queues.engines(client, keys)
    oldest = await _oldest(client, keys, _hopeless(sizes, held))
    runs = await _oldest_runs(client, keys, {name: part[7] for name, part in parts.items()}, at_ms)
    rest = await _rest(client, keys, at_ms)
    return replace(
        rest,
        queues=tuple(
            replace(queues.read_stats(name, part[:6], sizes[name]), oldest_s=oldest[name])
            for name, part in parts.items()
        ),
        arrivals={name: _arrivals(part, at_ms) for name, part in parts.items()},
        oldest_runs=runs,
        schedules=await _schedules(client, keys),
        at=datetime.fromtimestamp(at_ms / 1000, UTC),
        left_out=left_out,
        engines=tuple(held),
        lapsed=max(rest.lapsed - len(held), 0),
        memory=await memory(client),
    )


async def _names(client: Any, keys: Keys) -> tuple[int, list[str], int]:
    """The server's clock, the queues to look at (of many those with most jobs), and how many there are besides."""
    (seconds, micro), members = sound(await ask(client, (b"TIME",), (b"SMEMBERS", keys.queues)))
    at_ms = int(seconds) * 1000 + int(micro) // 1000
    names = sorted(item.decode(errors="replace") for item in members or ())
    if len(names) <= MOST_QUEUES:
        return at_ms, names, 0
    sizes = sound(await ask(client, *((b"ZCARD", keys.queue(name)) for name in names)))
    largest = sorted(zip(names, sizes, strict=True), key=lambda each: -(each[1] or 0))[:MOST_QUEUES]
    return at_ms, sorted(name for name, _ in largest), len(names) - MOST_QUEUES


async def _parts(client: Any, keys: Keys, names: Sequence[str], at_ms: int) -> dict[str, list[Any]]:
    """Of each queue the replies about it; one of which none of ours wrote a part is left out."""
    if not names:
        return {}
    minute, most = at_ms // minutes.MINUTE_MS, max(MOST_RUNNING // len(names), LEAST_RUNNING)
    pipe = client.pipeline(transaction=False)
    for name in names:
        queues.ask_stats(pipe, keys, name)
        pipe.zrange(keys.gates(name), 0, MOST_GATES - 1)
        pipe.zrangebyscore(keys.queue(name), CLAIMED_SCORE, "+inf", start=0, num=most)
        for each in (minute, minute - 1):
            pipe.hget(keys.minutes(each // 60, name), f"{each % 60} {minutes.SUBMITTED}")
    found = await pipe.execute(raise_on_error=False)
    width = 6 + _MORE
    parts = {name: found[width * i : width * (i + 1)] for i, name in enumerate(names)}
    return {name: part for name, part in parts.items() if _is_sound(part)}


def _is_sound(part: list[Any]) -> bool:
    sound(part)  # what is no wrong type but trouble is raised
    return not any(isinstance(reply, Exception) for reply in part) and all(
        state.decode(errors="replace") in _STATES and count.isdigit() for state, count in part[5].items()
    )


def _arrivals(part: list[Any], at_ms: int) -> float:
    """Jobs submitted in this minute, and the share of the one before that makes it sixty seconds."""
    this, before = (int(reply) if reply and reply.isdigit() else 0 for reply in part[-2:])
    return this + (1 - at_ms % minutes.MINUTE_MS / minutes.MINUTE_MS) * before


async def _held_back(client: Any, keys: Keys, gates: Mapping[str, list[bytes]]) -> dict[str, dict[str, int]]:
    """Of each queue: gate -> jobs that it holds back."""
    asked = [(name, gate.decode(errors="replace")) for name, found in gates.items() for gate in found]
    sizes = sound(await ask(client, *((b"ZCARD", keys.parked(*each)) for each in asked))) if asked else []
    held: dict[str, dict[str, int]] = {name: {} for name in gates}
    for (name, gate), size in zip(asked, sizes, strict=True):
        held[name][gate] = size or 0
    return held


def _hopeless(sizes: Mapping[str, Mapping[str, int]], engines: Sequence[EngineInfo]) -> dict[str, list[str]]:
    """Queue -> those of its gates whose jobs no worker could start now."""
    offers = queues.offers(engines)
    return {name: causes.hopeless(gates, offers.get(name, ())) for name, gates in sizes.items()}


async def _oldest(client: Any, keys: Keys, without: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Queue -> seconds that the oldest job has waited, without those behind these of its gates; 0: none waits."""
    found: dict[str, float] = {}
    names = list(without)
    for start in range(0, len(names), MEASURED_AT_ONCE):
        some = names[start : start + MEASURED_AT_ONCE]
        ages = await waits.oldest_s(client, keys, some, {name: without[name] for name in some if without[name]})
        found.update({name: age or 0.0 for name, age in zip(some, ages, strict=True)})
        await asyncio.sleep(0)
    return found


async def _oldest_runs(
    client: Any, keys: Keys, running: Mapping[str, list[bytes]], at_ms: int
) -> dict[str, float]:  # fmt: skip
    """Queue -> seconds that the job has run that has run for longest."""
    asked = [(name, job_id.decode(errors="replace")) for name, ids in running.items() for job_id in ids]
    records = await ask(client, *((b"HGET", keys.record(job_id), b"started") for _, job_id in asked)) if asked else []
    found = dict.fromkeys(running, 0.0)
    for (name, _), started in zip(asked, sound(records), strict=True):
        if started and started.isdigit():
            found[name] = max(found[name], (at_ms - int(started)) / 1000)
    return found


async def _schedules(client: Any, keys: Keys) -> tuple[ScheduleRecord, ...]:
    """The first of the schedules, by name."""
    [members] = sound(await ask(client, (b"SMEMBERS", keys.schedule_names)))
    names = sorted(item.decode(errors="replace") for item in members or ())[:MOST_SCHEDULES]
    found = await schedules.stored(client, keys, names) if names else []
    return tuple(each.record for each in found if each is not None)


async def _rest(client: Any, keys: Keys, at_ms: int) -> Standing:
    leases, due, unheard, first, attempts = sound(await ask(
        client, (b"ZCARD", keys.leases), (b"ZCARD", keys.hooks), (b"ZCARD", keys.unheard),
        (b"ZRANGE", keys.schedules, 0, 0, b"WITHSCORES"), (b"HGET", keys.histories, b"total"),
    ))  # fmt: skip
    late_ms = at_ms - float(first[1]) if first else 0.0
    return Standing(
        lapsed=leases or 0, words_due=due or 0, words_unheard=unheard or 0,
        schedule_late_s=max(late_ms, 0.0) / 1000, attempts=int(attempts or 0),
    )  # fmt: skip
