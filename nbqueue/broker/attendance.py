"""What workers serve and offer: what a card that waits wants to know, with less to read than of all engines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.model.advice import Offers
from nbqueue.model.resources import NOTHING, check


async def offers(client: Any, keys: Keys) -> Offers:
    """The queues that an engine serves whose lease holds now, on the server's clock, and what each of these offers."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrange(keys.leases, 0, -1, withscores=True)
    live = holding(*sound(await pipe.execute(raise_on_error=False)))
    pipe = client.pipeline(transaction=False)
    for engine in live:
        pipe.hmget(keys.engine(engine), "queues", "resources")
    found: dict[str, list[Any]] = {}
    for fields in sound(await pipe.execute(raise_on_error=False)) if live else ():
        queues, resources = fields or (None, None)
        for name in served_by(queues):
            found.setdefault(name, []).append(resources_of(resources))
    return found


def holding(clock: tuple[int, int], leases: Sequence[tuple[bytes, float]] | None) -> list[str]:
    """The engines whose lease holds, of replies to TIME and to ZRANGE with the scores."""
    seconds, micro = clock
    now_ms = seconds * 1000 + micro // 1000
    return [engine.decode() for engine, till_ms in leases or () if till_ms > now_ms and engine.isascii()]


def served_by(text: bytes | None) -> list[str]:
    """The names of queues that an engine has written down."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []  # what no engine wrote
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def resources_of(text: bytes | None) -> Any:
    """What it offers of resources, as it has written down."""
    try:
        return check(json.loads(text), labels=True) if text else NOTHING
    except ValueError:
        return NOTHING  # nor this
