"""Which workers lack the key that the others sign with, and which jobs wait in vain for that. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from nbqueue.broker.checkup import Finding
from nbqueue.broker.gates import unread
from nbqueue.broker.queues import EngineInfo, QueueStats

#: what helps, to be run where the key is
REMEDY = "bring it there: nbqueue signing-key export | ssh HOST nbqueue signing-key import"

_NOBODY = "if it was given up for good, they fail after nbqueue signing-key remove --force"


def findings(stats: Iterable[QueueStats], engines: Collection[EngineInfo]) -> list[Finding]:
    """Jobs that wait for a key which no worker of their queue has are wrong; workers that only lack it are noted."""
    waiting: Counter[tuple[str, str]] = Counter()
    for queue in stats:
        serving = [engine for engine in engines if queue.name in engine.queues]
        for key_id, count in unread(queue.held_back, ()).items():
            if serving and all(_lacks(engine, key_id) for engine in serving):
                waiting[queue.name, key_id] += count
    if waiting:
        return [Finding("signing key", "wrong", _in_vain(*where, count)) for where, count in waiting.items()]
    lacking = Counter((engine.host, engine.lacked_key) for engine in engines if engine.lacked_key)
    return [
        Finding("signing key", "note", f"{count} {'engine' if count == 1 else 'engines'} on {host} {lack(key_id)}")
        for (host, key_id), count in lacking.items()
    ]


def _lacks(engine: EngineInfo, key_id: str) -> bool:
    return key_id == engine.lacked_key or bool(engine.key_ids and key_id not in engine.key_ids)


def lack(key_id: str) -> str:
    """What follows the name of a worker that lacks a key."""
    return f"cannot run what is signed with key {key_id}, as the others sign by now: {REMEDY}"


def _in_vain(queue: str, key_id: str, count: int) -> str:
    jobs = "1 job waits" if count == 1 else f"{count:,} jobs wait"
    return f"{jobs} in {queue} for key {key_id}, which no worker that serves it has: {REMEDY}; {_NOBODY} {key_id}"
