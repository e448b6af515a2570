"""How many jobs came and ended in each minute of the last two weeks, by queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbqueue.broker.asking import ask
from nbqueue.broker.bounds import MINUTES_MS
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys

#: what is counted besides final states
SUBMITTED = "submitted"
#: hours asked for in one round trip
HOURS = 48
MINUTE_MS, HOUR_MS = 60_000, 3_600_000

#: minute since 1970 -> final state or `SUBMITTED` -> jobs
Minutes = dict[int, dict[str, int]]


async def read(client: Any, keys: Keys, queue: str, *, since_ms: int, now_ms: int) -> Minutes:
    """The minutes in which something was counted, from that of `since_ms` on, the oldest first."""
    first = max(since_ms, now_ms - MINUTES_MS) // MINUTE_MS
    hours = range(first // 60, now_ms // HOUR_MS + 1)
    found: Minutes = {}
    for start in range(0, len(hours), HOURS):
        asked = hours[start : start + HOURS]
        replies = sound(await ask(client, *((b"HGETALL", keys.minutes(hour, queue)) for hour in asked)))
        for hour, fields in zip(asked, replies, strict=True):
            found.update(_of_hour(hour, fields or []))
    return {minute: found[minute] for minute in sorted(found) if minute >= first}


def ended(counts: Mapping[str, int]) -> int:
    """How many jobs ended, of what was counted."""
    return sum(count for what, count in counts.items() if what != SUBMITTED)


def per_minute(minutes: Minutes, now_ms: int) -> float:
    """How many jobs end a minute now: in this one, and the share of the one before that makes it sixty seconds."""
    this = now_ms // MINUTE_MS
    before = 1 - now_ms % MINUTE_MS / MINUTE_MS
    return ended(minutes.get(this, {})) + before * ended(minutes.get(this - 1, {}))


def _of_hour(hour: int, fields: list[bytes]) -> Minutes:
    found: Minutes = {}
    for name, count in zip(fields[::2], fields[1::2], strict=True):
        minute, _, what = name.decode(errors="replace").partition(" ")
        if minute.isdecimal() and count.isdigit():
            found.setdefault(60 * hour + int(minute), {})[what] = int(count)
    return found
