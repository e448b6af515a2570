"""Since when the oldest job of a queue waits that is due, also for a user who may run no script."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from nbqueue.broker import alerts, scripts
from nbqueue.broker.bounds import RANKS_A_PRIORITY, READY_LIMIT
from nbqueue.broker.keys import Keys

#: priorities, in both lanes
_BANDS = 400


async def oldest_s(
    client: Any, keys: Keys, names: Sequence[str], without: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[float | None]:
    """Per queue the seconds that it has waited since it was due; None where none waits.

    What waits for other jobs is none of them, and what is behind the gates of its queue that are left out.
    """
    try:
        measured = await scripts.run(client, alerts.measure(keys, names, without))
    except NoPermissionError:  # a viewer looks for itself, with more questions
        return [await _looked_up(client, keys, name, {"blocked", *without.get(name, ())}) for name in names]
    return [each.oldest_s if each.depth else None for each in measured]


async def _looked_up(client: Any, keys: Keys, name: str, passed: Collection[str]) -> float | None:
    """What the script finds. What none of ours wrote is no job that waits."""
    seconds, micros = await client.time()
    now = seconds * 1000 + micros // 1000
    try:
        gates = [gate.decode(errors="replace") for gate in await client.zrange(keys.gates(name), 0, -1)]
        places = [keys.queue(name), *(keys.parked(name, gate) for gate in gates if gate not in passed)]
        firsts = [job_id for place in places for job_id in await _firsts(client, place)]
        coming = await client.zrangebyscore(keys.queue(name), READY_LIMIT, now, 0, 1, withscores=True)
        since = [score for _, score in coming] + [await _due(client, keys, job_id, now) for job_id in firsts]
    except NoPermissionError:
        raise
    except ResponseError:
        return None
    return max(now - min(since), 0) / 1000 if since else None


async def _firsts(client: Any, place: str) -> list[str]:
    """The first of each priority: ranks of one stand in the order of submission."""
    found: list[str] = []
    low: float | str = "-inf"
    for _ in range(_BANDS):
        first = await client.zrangebyscore(place, low, f"({READY_LIMIT}", 0, 1, withscores=True)
        if not first:
            break
        [(job_id, rank)] = first
        found.append(job_id.decode(errors="replace"))
        low = (rank // RANKS_A_PRIORITY + 1) * RANKS_A_PRIORITY
    return found


async def _due(client: Any, keys: Keys, job_id: str, now: int) -> float:
    due, submitted = await client.hmget(keys.record(job_id), "due", "submitted")
    text = due or submitted or b""
    return float(text) if text.isdigit() else now
