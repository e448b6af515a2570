"""Which queues are served: what a card that waits wants to know, with less to read than of all engines."""

from __future__ import annotations

import json
from typing import Any

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys


async def served_queues(client: Any, keys: Keys) -> frozenset[str]:
    """The names of the queues that an engine serves whose lease holds now, on the server's clock."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrange(keys.leases, 0, -1, withscores=True)
    (seconds, micro), leases = sound(await pipe.execute(raise_on_error=False))
    now_ms = seconds * 1000 + micro // 1000
    live = [engine for engine, till_ms in leases or () if till_ms > now_ms and engine.isascii()]
    pipe = client.pipeline(transaction=False)
    for engine in live:
        pipe.hget(keys.engine(engine.decode()), "queues")
    found = sound(await pipe.execute(raise_on_error=False)) if live else []
    return frozenset(name for text in found if text for name in _names(text))


def _names(text: bytes) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return []  # what no engine wrote
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
