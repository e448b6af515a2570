"""Queues and engines as the server knows them: pause, resume, numbers, who works."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbqueue.broker import gates
from nbqueue.broker.attendance import holding
from nbqueue.broker.bounds import CLAIMED_SCORE, READY_LIMIT, TOKEN_MS, TOKENS
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import StoreMemory
from nbqueue.broker.outage import full_passed_over
from nbqueue.model import labels
from nbqueue.model.advice import Offers
from nbqueue.model.job import moment
from nbqueue.model.limits import Limit
from nbqueue.model.resources import check
from nbqueue.model.shown import Shown
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """How long attempts took, in seconds: half of them at most `p50`, and so on."""

    p50: float
    p90: float
    p99: float
    #: how many they are of
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats(Shown):
    """How a queue stands."""

    name: str
    paused: bool = False
    #: takes no more jobs
    drained: bool = False
    #: that was set for the queue; None: none, or not asked
    limit: Limit | None = None
    #: ready, or held back
    queued: int = 0
    #: of those: waiting for other jobs
    blocked: int = 0
    #: of those: gate (`f:`, `t:`, `g:` paused function, tag, group; `l:` limit; `r:` resources) -> jobs behind it
    held_back: Mapping[str, int] = field(default_factory=dict)
    #: of those: held back by resources in use that its workers offer: more workers would start them; None: not asked
    crowded: int | None = None
    scheduled: int = 0
    running: int = 0
    #: engines that serve it; None: not asked
    workers: int | None = None
    #: final state -> jobs that ended so since the store began
    ended: Mapping[State, int] = field(default_factory=dict)
    #: jobs that ended within the last sixty seconds; None: not asked
    per_minute: float | None = None
    #: seconds that the oldest has waited since it was due, ready or held back; None: none waits, or not asked
    oldest_s: float | None = None
    #: from due to start, and from start to end, of the newest 1,000 attempts of the last hour; None: there are none
    waits_s: Percentiles | None = None
    runs_s: Percentiles | None = None
    #: of the whole server; None: not asked, or it does not say
    memory: StoreMemory | None = None

    @property
    def ready(self) -> int:
        """Jobs that a worker with a slot to spare would start now: nothing holds them back, and no pause the queue."""
        return 0 if self.paused else self.queued - self.blocked - sum(self.held_back.values())

    @property
    def held_by_pause(self) -> int:
        """Jobs that nothing but the pause of the whole queue holds back."""
        return self.queued - self.blocked - sum(self.held_back.values()) if self.paused else 0

    @property
    def standing(self) -> str:
        """Whether it starts and takes jobs, in a word or two: "open", "paused", "drained" or "paused, drained"."""
        words = [word for word, is_so in (("paused", self.paused), ("drained", self.drained)) if is_so]
        return ", ".join(words) or "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo(Shown):
    """An engine that holds a lease."""

    id: str
    host: str = ""
    pid: int = 0
    #: its supervisor's process id
    supervisor: int = 0
    #: tells machines apart: boot and process namespace
    machine: str = ""
    python: str = ""
    version: str = ""
    queues: tuple[str, ...] = ()
    #: names of the functions it has registered
    functions: tuple[str, ...] = ()
    #: whether it runs no others
    only_registered: bool = False
    slots: int = 0
    #: what it offers of resources
    resources: Mapping[str, float] = field(default_factory=dict)
    #: what jobs may ask of it that is not used up
    labels: tuple[str, ...] = ()
    started_at: datetime | None = None
    running: int = 0
    #: the hosts it leaves word at, with their ports
    webhook_hosts: tuple[str, ...] = ()
    #: whether its worker was told to end: it claims no more, and finishes what runs
    draining: bool = False
    #: of its processes, as it announced last; 100 is one core; None: not known
    cpu_percent: float | None = None
    #: the memory they hold; pages that they share count once where that can be told cheaply; None: not known
    memory_bytes: int | None = None
    #: the key that the others sign with and that its key file lacks; empty: none
    lacked_key: str = ""
    #: the ids of the signing keys it has; empty: not known
    key_ids: tuple[str, ...] = ()


async def pause(client: Any, keys: Keys, name: str) -> None:
    """Stop workers from claiming jobs of a queue; running ones finish."""
    await gates.shut(client, keys, keys.paused, name)


async def resume(client: Any, keys: Keys, name: str) -> None:
    """Let workers claim again, and wake them."""
    await client.srem(keys.paused, name)
    with full_passed_over():  # workers look again by themselves
        await client.pipeline().lpush(keys.wake(name), *["ready"] * TOKENS).pexpire(keys.wake(name), TOKEN_MS).execute()


async def close(client: Any, keys: Keys, name: str) -> None:
    """Take no more jobs."""
    await gates.shut(client, keys, keys.closed, name)


async def open_again(client: Any, keys: Keys, name: str) -> None:
    """Take jobs again."""
    await client.srem(keys.closed, name)


async def stats(client: Any, keys: Keys, name: str) -> QueueStats:
    """The numbers of a queue now."""
    pipe = client.pipeline(transaction=True)
    ask_stats(pipe, keys, name)
    found = await pipe.execute()
    return read_stats(name, found, await gates.waiting(client, keys, name))


def ask_stats(pipe: Any, keys: Keys, name: str) -> None:
    """Put the questions for the numbers of a queue into a pipeline: six, without what its gates hold back."""
    _ask_sizes(pipe, keys, name)
    pipe.sismember(keys.paused, name)
    pipe.sismember(keys.closed, name)
    pipe.hgetall(keys.counts(name))


def ask_numbers(pipe: Any, keys: Keys, name: str) -> None:
    """The same without whether it is paused or closed, for who knows that of all queues: four."""
    _ask_sizes(pipe, keys, name)
    pipe.hgetall(keys.counts(name))


def _ask_sizes(pipe: Any, keys: Keys, name: str) -> None:
    pipe.zcount(keys.queue(name), "-inf", f"({READY_LIMIT}")
    pipe.zcount(keys.queue(name), READY_LIMIT, f"({CLAIMED_SCORE}")
    pipe.zcount(keys.queue(name), CLAIMED_SCORE, "+inf")


def read_stats(name: str, replies: Sequence[Any], held_back: dict[str, int]) -> QueueStats:
    """The numbers from the six replies, and from how many jobs each gate holds back."""
    queued, scheduled, running, paused, drained, ended = replies
    return QueueStats(
        name=name, paused=bool(paused), drained=bool(drained),
        queued=queued + sum(held_back.values()),
        blocked=held_back.pop("blocked", 0),
        held_back=held_back,
        scheduled=scheduled, running=running,
        ended={State(state.decode()): int(number) for state, number in ended.items()},
    )  # fmt: skip


async def names(client: Any, keys: Keys) -> list[str]:
    """The names of the queues that were ever submitted to."""
    return sorted(item.decode(errors="replace") for item in await client.smembers(keys.queues))


async def ids(
    client: Any, keys: Keys, name: str, *, limit: int = 1000, states: Collection[str] = frozenset(State)
) -> list[str]:
    """The ids of jobs of a queue that may be in one of the states and live.

    Those that run, then those next to run, then those that are held back.
    """
    parts: list[tuple[str | int, str | int]] = []
    if State.RUNNING in states:
        parts.append((CLAIMED_SCORE, "+inf"))
    if State.QUEUED in states or State.SCHEDULED in states:
        parts.append(("-inf" if State.QUEUED in states else READY_LIMIT, f"({CLAIMED_SCORE}"))
    pipe = client.pipeline(transaction=True)
    for low, high in parts:
        pipe.zrangebyscore(keys.queue(name), low, high, start=0, num=limit)
    if State.QUEUED in states or State.SCHEDULED in states:
        for gate in await client.zrange(keys.gates(name), 0, -1):
            pipe.zrange(keys.parked(name, gate.decode(errors="replace")), 0, limit - 1)
    return [item.decode(errors="replace") for part in await pipe.execute() for item in part][:limit]


async def live(client: Any, keys: Keys, name: str) -> int:
    """How many jobs of a queue run, wait or are held back."""
    return int(await client.zcard(keys.queue(name))) + sum((await gates.waiting(client, keys, name)).values())


async def announce(client: Any, keys: Keys, info: EngineInfo) -> None:
    """Write what an engine is and offers; it lives as long as its lease is renewed."""
    pipe = client.pipeline(transaction=True)
    pipe.hset(
        keys.engine(info.id),
        mapping={
            "host": info.host, "pid": info.pid, "supervisor": info.supervisor,
            "machine": info.machine, "python": info.python, "version": info.version,
            "queues": json.dumps(info.queues), "functions": json.dumps(info.functions),
            "only_registered": int(info.only_registered),
            "slots": info.slots,
            "draining": int(info.draining),
            "webhook_hosts": " ".join(info.webhook_hosts),
            "resources": json.dumps(labels.offered(info.resources, info.labels)),
            "started": round(info.started_at.timestamp() * 1000) if info.started_at else 0,
            "cpu_percent": "" if info.cpu_percent is None else round(info.cpu_percent, 1),
            "memory_bytes": "" if info.memory_bytes is None else info.memory_bytes,
            "lacked_key": info.lacked_key, "key_ids": " ".join(info.key_ids),
        },
    )  # fmt: skip
    pipe.pexpire(keys.engine(info.id), 60_000)
    await pipe.execute()


async def engines(client: Any, keys: Keys, *, lapsed: bool = False) -> list[EngineInfo]:
    """The engines whose lease holds, `lapsed`: also those whose jobs are to be given back; no other ones' writing."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrange(keys.leases, 0, -1, withscores=True)
    clock, leases = sound(await pipe.execute(raise_on_error=False))
    found = holding((0, 0) if lapsed else clock, leases)
    pipe = client.pipeline(transaction=False)
    for engine in found:
        pipe.hgetall(keys.engine(engine))
        pipe.hlen(keys.claims(engine))
    replies = sound(await pipe.execute(raise_on_error=False)) if found else []
    infos = (_info(engine, replies[2 * i] or {}, replies[2 * i + 1] or 0) for i, engine in enumerate(found))
    return [info for info in infos if info is not None]


def offers(found: Iterable[EngineInfo]) -> Offers:
    """What these engines offer to each queue that one of them serves."""
    offered: dict[str, list[Any]] = {}
    for engine in found:
        for name in engine.queues:
            offered.setdefault(name, []).append(labels.offered(engine.resources, engine.labels))
    return offered


def _info(engine: str, fields: Mapping[bytes, bytes], running: int) -> EngineInfo | None:
    try:
        return _read_info(engine, fields, running)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _read_info(engine: str, fields: Mapping[bytes, bytes], running: int) -> EngineInfo:
    text = {key.decode(): value.decode() for key, value in fields.items()}
    amounts, words = labels.split(check(json.loads(text.get("resources", "{}")), labels=True))
    return EngineInfo(
        id=engine, host=text.get("host", ""), machine=text.get("machine", ""),
        pid=int(text.get("pid", 0)), supervisor=int(text.get("supervisor", 0)),
        python=text.get("python", ""), version=text.get("version", ""),
        queues=tuple(json.loads(text.get("queues", "[]"))), functions=tuple(json.loads(text.get("functions", "[]"))),
        only_registered=text.get("only_registered") == "1",
        slots=int(text.get("slots", 0)),
        draining=text.get("draining") == "1",
        resources=amounts,
        labels=words,
        started_at=moment(text.get("started")),
        running=running,
        webhook_hosts=tuple(text.get("webhook_hosts", "").split()),
        cpu_percent=float(text["cpu_percent"]) if text.get("cpu_percent") else None,
        memory_bytes=int(text["memory_bytes"]) if text.get("memory_bytes") else None,
        lacked_key=text.get("lacked_key", ""), key_ids=tuple(text.get("key_ids", "").split()),
    )  # fmt: skip
