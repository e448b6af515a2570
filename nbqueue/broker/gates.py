"""What holds ready jobs back by hand: pauses of functions, tags and groups, and limits that are set."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nbqueue.broker import scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script
from nbqueue.model.limits import Limit

#: what begins the gate of jobs that wait for a worker with a key
_KEY = "n:key:"


async def shut(client: Any, keys: Keys, place: str, name: str) -> None:
    """Put a name among those that are closed by hand, also where the server is out of memory."""
    await scripts.run(client, Call(script("gate"), (place, keys.limits), (keys.prefix, "pause", name, ""), int))


async def pause(client: Any, keys: Keys, gate: str) -> None:
    """Let no more jobs through: `f:<function>`, `t:<tag>` or `g:<group>`; those that run go on."""
    await scripts.run(client, _turn(keys, "pause", gate))


async def resume(client: Any, keys: Keys, gate: str) -> None:
    """Let them through again."""
    await scripts.run(client, _turn(keys, "resume", gate))


async def paused(client: Any, keys: Keys) -> list[str]:
    """The gates that are closed by hand, and `q:<queue>` for queues."""
    pipe = client.pipeline(transaction=False)
    pipe.smembers(keys.paused)
    pipe.smembers(keys.pauses)
    queues, gates = await pipe.execute()
    return sorted([f"q:{item.decode()}" for item in queues] + [item.decode() for item in gates])


def unread(held_back: Mapping[str, int], key_ids: Collection[str]) -> Mapping[str, int]:
    """Of what gates hold back: how many jobs wait for a worker that has a key other than these, by its id."""
    waiting = {gate.removeprefix(_KEY): count for gate, count in held_back.items() if gate.startswith(_KEY)}
    return {key_id: count for key_id, count in waiting.items() if count and key_id not in key_ids}


async def set_limit(client: Any, keys: Keys, scope: str, limit: Limit | None) -> None:
    """Set the limit of a queue `q:<queue>`, function `f:<function>` or key `k:<key>`; None: what jobs bring counts.

    Jobs that run count for it, too.
    """
    wanted = "" if limit is None or limit.is_open else json.dumps(limit.to_wire())
    await scripts.run(client, _turn(keys, "limit", scope, wanted))


async def limits(client: Any, keys: Keys) -> Mapping[str, Limit]:
    """The limits that are set: scope -> limit."""
    found = await client.hgetall(keys.limits)
    read = {scope.decode(errors="replace"): _limit(text) for scope, text in found.items()}
    return {scope: limit for scope, limit in read.items() if limit is not None}


async def limit_of(client: Any, keys: Keys, scope: str) -> Limit | None:
    """The limit that is set for one scope."""
    text = await client.hget(keys.limits, scope)
    return None if text is None else Limit.from_wire(json.loads(text))


async def waiting(client: Any, keys: Keys, queue: str) -> dict[str, int]:
    """How many jobs of a queue are held back behind which gate."""
    return (await waiting_of(client, keys, [queue]))[queue]


async def waiting_of(client: Any, keys: Keys, queues: Sequence[str]) -> dict[str, dict[str, int]]:
    """The same of several: queue -> gate -> how many."""
    pipe = client.pipeline(transaction=False)
    for queue in queues:
        pipe.zrange(keys.gates(queue), 0, -1)
    found = zip(queues, await pipe.execute(), strict=True)
    behind = [(queue, gate.decode(errors="replace")) for queue, gates in found for gate in gates]
    for each in behind:
        pipe.zcard(keys.parked(*each))
    held: dict[str, dict[str, int]] = {queue: {} for queue in queues}
    for (queue, gate), size in zip(behind, await pipe.execute() if behind else (), strict=True):
        held[queue][gate] = size
    return held


def _limit(text: bytes) -> Limit | None:
    """A limit as it was written down; None where nothing of ours was."""
    try:
        return Limit.from_wire(json.loads(text))
    except (ValueError, TypeError):
        return None


def _turn(keys: Keys, what: str, name: str, limit: str = "") -> Call[int]:
    return Call(script("gate"), (keys.pauses, keys.limits), (keys.prefix, what, name, limit), int)
