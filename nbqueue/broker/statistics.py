"""The statistics of a queue: its numbers now, its rate, how long jobs wait and run, and how full the server is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import quantiles
from typing import Any

from nbqueue.broker import gates, history, minutes, queues, waits
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import memory
from nbqueue.broker.queues import Percentiles, QueueStats
from nbqueue.model.resources import fits, known

#: percentiles are those of the newest attempts: so many, and of so many seconds
NEWEST, WINDOW_S = 1000, 3600


async def stats(client: Any, keys: Keys, name: str) -> QueueStats:
    """All that is known of a queue."""
    now = await history.now_ms(lambda act: act(client))
    counted = await minutes.read(client, keys, name, since_ms=now - 2 * minutes.MINUTE_MS, now_ms=now)
    [oldest_s] = await waits.oldest_s(client, keys, [name])
    attempts = await _newest(client, keys, name, now)
    found = await queues.stats(client, keys, name)
    offered = queues.offers(await queues.engines(client, keys)).get(name, ())
    return replace(
        found,
        limit=await gates.limit_of(client, keys, f"q:{name}"),
        crowded=_crowded(found, offered),
        workers=len(offered),
        per_minute=minutes.per_minute(counted, now),
        oldest_s=oldest_s,
        waits_s=_percentiles([start - due for due, start, _ in attempts]),
        runs_s=_percentiles([end - start for _, start, end in attempts]),
        memory=await memory(client),
    )


def _crowded(stats: QueueStats, offered: Sequence[Mapping[str, float]]) -> int:
    """Jobs that wait for resources which a worker of the queue has, though not free."""
    if stats.paused:
        return 0
    behind = ((known(gate[2:]), count) for gate, count in stats.held_back.items() if gate.startswith("r:"))
    return sum(count for needs, count in behind if any(fits(needs, each) for each in offered))


async def _newest(client: Any, keys: Keys, name: str, now_ms: int) -> list[tuple[int, int, int]]:
    """When the newest attempts were due, started and ended, in ms; without those that never started."""
    found: list[tuple[int, int, int]] = []
    start = str(now_ms - WINDOW_S * 1000)
    async for page in history.pages_back(lambda act: act(client), keys, start=start, queue=name):
        times = (_times(entry, text) for entry, text in zip(page.ids, page.texts, strict=True))
        found += [each for each in times if each is not None]
        if len(found) >= NEWEST:
            break
    return found


def _times(entry: bytes, text: bytes) -> tuple[int, int, int] | None:
    try:
        line = json.loads(text)
        started = int(line["started"])
        return int(line.get("due") or line["submitted"]), started, int(entry.partition(b"-")[0])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def _percentiles(milliseconds: Sequence[int]) -> Percentiles | None:
    """Of some durations, in seconds; None of none."""
    if not milliseconds:
        return None
    seconds = [max(each, 0) / 1000 for each in milliseconds]
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return Percentiles(p50=cuts[49], p90=cuts[89], p99=cuts[98], attempts=len(seconds))
