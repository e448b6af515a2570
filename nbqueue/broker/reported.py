"""What a job reported as it ran: its log, and its metrics over time."""

from __future__ import annotations

import json
from typing import Any

from nbqueue.broker.keys import Keys


async def log(client: Any, keys: Keys, job_id: str) -> str:
    """The kept log of a job; a mark says how much was dropped before it."""
    pipe = client.pipeline(transaction=False)
    pipe.lrange(keys.log(job_id), 0, -1)
    pipe.hget(keys.record(job_id), "log_dropped")
    chunks, dropped = await pipe.execute()
    text = b"".join(chunks).decode(errors="replace")
    if dropped and int(dropped):
        return f"[... {int(dropped):,} earlier bytes dropped ...]\n{text}"
    return text


async def log_end(client: Any, keys: Keys, job_id: str, *, chunks: int = 100) -> str:
    """The last chunks of the kept log."""
    return b"".join(await client.lrange(keys.log(job_id), -chunks, -1)).decode(errors="replace")


async def trace(client: Any, keys: Keys, job_id: str) -> tuple[int, Any]:
    """The metrics over time that were kept of an attempt, as plain JSON: the number of its claim, and these."""
    try:
        found = json.loads(await client.get(keys.trace(job_id)) or "{}")
        return int(found["fence"]), found["series"]
    except (ValueError, KeyError, TypeError):
        return 0, {}  # there are none, or no worker wrote them
