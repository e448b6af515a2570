"""Alerts as the server keeps them: which there are, how their queues stand, and what each remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from nbqueue.broker.hook import url_of
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script
from nbqueue.model.alerting import Crossing, Limits, Measure, Memory, check


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert that workers look after."""

    id: str
    limits: Limits
    #: where word is left, as a key holder wrote it
    hook: str

    @property
    def url(self) -> str:
        """The URL, unverified: for display only."""
        return url_of(self.hook)


async def store(client: Any, keys: Keys, alert: StoredAlert) -> None:
    """Keep an alert; of one with the same id the hook is signed anew, and it remembers what it did."""
    text = json.dumps({**alert.limits.to_wire(), "hook": alert.hook})
    await client.hset(keys.alerts, alert.id, text)


async def remove(client: Any, keys: Keys, alert_id: str) -> bool:
    """Take an alert away; whether it was there."""
    pipe = client.pipeline(transaction=True)
    pipe.hdel(keys.alerts, alert_id)
    pipe.hdel(keys.alarms, alert_id)
    there, _ = await pipe.execute()
    return bool(there)


async def stored(client: Any, keys: Keys) -> list[StoredAlert]:
    """The alerts there are; what we did not write is left out."""
    found = await client.hgetall(keys.alerts)
    alerts = (_stored(name.decode(errors="replace"), text) for name, text in sorted(found.items()))
    return [alert for alert in alerts if alert is not None]


async def memories(client: Any, keys: Keys, alert_ids: Sequence[str]) -> list[str]:
    """What each remembers, as it was written; empty where there is nothing yet."""
    found = await client.hmget(keys.alarms, list(alert_ids))
    return [(text or b"").decode(errors="replace") for text in found]


async def is_my_turn(client: Any, keys: Keys, engine: str, *, length_s: float) -> bool:
    """Whether there are alerts, and this engine looks at them for that long, and no other."""
    if not await client.exists(keys.alerts):
        return False
    return bool(await client.set(keys.lookout, engine, nx=True, px=round(length_s * 1000)))


def measure(
    keys: Keys, queues: Sequence[str], without: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Call[list[Measure]]:  # fmt: skip
    """How the queues stand now, without the jobs behind some of the gates of each."""

    def read(reply: list[Any]) -> list[Measure]:
        now_ms, *found = reply
        at = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
        return [
            Measure(at=at, depth=depth, oldest_s=(now_ms - due) / 1000 if due else 0.0, ended=ended, bad=bad)
            for depth, due, ended, bad in found
        ]

    return Call(script("measure"), (), (keys.prefix, json.dumps(dict(without)), *queues), read)


def rise(
    keys: Keys, alert: StoredAlert, before: str, memory: Memory, crossings: Sequence[Crossing]
) -> Call[bool]:  # fmt: skip
    """Keep what an alert remembers and leave word of what it raised; whether nobody else was faster."""
    messages: list[str] = []
    for crossing in crossings:
        # no id of a job has a colon
        moment = round(crossing.at.timestamp() * 1000)
        messages += (f"alert:{alert.id}:{crossing.measure}:{moment}", json.dumps(crossing.to_wire()))
    return Call(
        script("raise"),
        (keys.alerts, keys.alarms, keys.hooks),
        (keys.prefix, alert.id, before, written(memory), alert.hook, *messages),
        lambda reply: bool(reply == 1),
    )


def written(memory: Memory) -> str:
    """A memory as the server keeps it."""
    return json.dumps(memory.to_wire(), sort_keys=True)


def remembered(text: str) -> Memory:
    """The memory from that; a fresh one where nothing of ours stands there."""
    try:
        return Memory.from_wire(json.loads(text)) if text else Memory()
    except (ValueError, KeyError, TypeError, AttributeError):
        return Memory()


_NO_LIMITS: dict[str, Any] = {"oldest_s": None, "failure_rate": None}


def _stored(alert_id: str, text: bytes) -> StoredAlert | None:
    try:
        found = json.loads(text)
        hook = str(found.pop("hook"))
        depth = found.get("depth")
        found["depth"] = int(depth) if isinstance(depth, float) else depth
        return StoredAlert(id=alert_id, limits=check(**{**_NO_LIMITS, **found}), hook=hook)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
