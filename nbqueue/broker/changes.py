"""Changes of jobs that wait: due now or at another time, another priority."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script

#: answers of the server besides a final state
UNKNOWN, CHANGED, BLOCKED, LATE, RUNNING = "unknown", "changed", "blocked", "late", "running"


def promote(keys: Keys, job_ids: Sequence[str]) -> Call[list[str]]:
    """Make waiting jobs due now; per job "changed", "unknown", "blocked", "running" or the final state it had."""
    return _change(keys, "promote", 0, 0, job_ids)


def reschedule(keys: Keys, job_ids: Sequence[str], *, delay_s: float, at: datetime | None = None) -> Call[list[str]]:
    """Let waiting jobs start so many seconds from now on the server's clock, or from a moment on; answers as above.

    Besides, "late" where a job would expire before that.
    """
    moment_ms = round(at.timestamp() * 1000) if at is not None else 0
    return _change(keys, "reschedule", round(delay_s * 1000), moment_ms, job_ids)


def set_priority(keys: Keys, job_ids: Sequence[str], priority: int) -> Call[list[str]]:
    """Give waiting jobs another priority; each keeps its place among equals; answers as above."""
    return _change(keys, "priority", priority, 0, job_ids)


def _change(keys: Keys, what: str, number: int, moment_ms: int, job_ids: Sequence[str]) -> Call[list[str]]:
    return Call(
        script("change"),
        (keys.events,),
        (keys.prefix, what, number, moment_ms, *job_ids),
        lambda reply: [item.decode() for item in reply],
    )
