"""What a job reported as it ran: its log, and its metrics over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys

#: of a job's record: bytes of log that are kept, and that were dropped before them
_SIZES = ("log_kept", "log_dropped")
#: a look at a log that goes on asks for so many of its pieces first
_FEW_CHUNKS = 4


async def log(client: Any, keys: Keys, job_id: str) -> str:
    """The kept log of a job; a mark says how much was dropped before it."""
    pipe = client.pipeline(transaction=False)
    pipe.lrange(keys.log(job_id), 0, -1)
    pipe.hget(keys.record(job_id), "log_dropped")
    chunks, dropped = await pipe.execute()
    return _marked(b"".join(chunks), int(dropped or 0))


async def log_after(client: Any, keys: Keys, job_id: str, place: int) -> tuple[str, int]:
    """What is kept of a log after so many bytes of it, and up to where it goes; a mark where some is lost between."""
    chunks = _FEW_CHUNKS
    while True:
        pipe = client.pipeline(transaction=True)
        pipe.hmget(keys.record(job_id), *_SIZES)
        pipe.lrange(keys.log(job_id), -chunks, -1)
        sizes, found = await pipe.execute()
        data, till = b"".join(found), _total(sizes)
        begins = till - len(data)
        if begins <= place or len(found) < chunks:
            return _marked(data[max(place - begins, 0) :], max(begins - place, 0)), max(till, place)
        chunks *= 10


def _marked(data: bytes, dropped: int) -> str:
    """The text of a log, with what was dropped before it."""
    text = data.decode(errors="replace")
    return f"[... {dropped:,} earlier bytes dropped ...]\n{text}" if dropped > 0 else text


async def log_end(client: Any, keys: Keys, job_id: str, *, chunks: int = 100) -> tuple[str, int]:
    """The last chunks of the kept log, and how many bytes of log there were up to their end."""
    pipe = client.pipeline(transaction=True)
    pipe.lrange(keys.log(job_id), -chunks, -1)
    pipe.hmget(keys.record(job_id), *_SIZES)
    found, sizes = await pipe.execute()
    return b"".join(found).decode(errors="replace"), _total(sizes)


async def log_bytes(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[int]:
    """How many bytes of log were kept of each job, those that were dropped since included."""
    pipe = client.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.hmget(keys.record(job_id), *_SIZES)
    return [_total(sizes or ()) for sizes in sound(await pipe.execute(raise_on_error=False))]


async def trace(client: Any, keys: Keys, job_id: str) -> tuple[int, Any]:
    """The metrics over time that were kept of an attempt, as plain JSON: the number of its claim, and these."""
    [found] = await traces(client, keys, [job_id])
    return found


async def traces(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[tuple[int, Any]]:
    """The same of each of several jobs."""
    pipe = client.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.get(keys.trace(job_id))
    return [_kept(text) for text in sound(await pipe.execute(raise_on_error=False))]


def _kept(text: bytes | None) -> tuple[int, Any]:
    try:
        found = json.loads(text or "{}")
        return int(found["fence"]), found["series"]
    except (ValueError, KeyError, TypeError):
        return 0, {}  # there are none, or no worker wrote them


def _total(sizes: Sequence[bytes | None]) -> int:
    try:
        return sum(int(size or 0) for size in sizes)
    except ValueError:
        return 0  # what none of our scripts wrote
