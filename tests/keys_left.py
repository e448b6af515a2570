"""Finds keys that would stay in a server for ever although their job is over."""

import re
from typing import Any

import redis

#: kept without an end on purpose: live jobs, queues, counters, streams with a bound
_LASTING = re.compile(
    rb"(?:[^:]+:)?(?:arq:queue(?::.*)?|nbq:(?:sequence|attempts|queues|paused|events|history|leases|epoch|hooks|alerts|alarms|claims:.*|counts:.*))\Z"
)
_OF_JOB = re.compile(rb"(?:[^:]+:)?(?:arq:job|nbq:job|arq:retry|arq:in-progress):(.*)\Z", re.DOTALL)
_LIVE = {b"queued", b"scheduled", b"running"}


def immortal(client: redis.Redis) -> list[bytes]:
    """Keys of ours without a TTL that should have one."""
    ours = (key for key in client.scan_iter(count=1000) if b"arq:" in key or b"nbq:" in key)
    return sorted(key for key in ours if client.ttl(key) == -1 and not _may_last(client, key))


def _may_last(client: redis.Redis, key: bytes) -> bool:
    if _LASTING.match(key):
        return True
    of_job = _OF_JOB.match(key)
    if of_job is None:
        return False
    record = re.sub(rb"(?:arq:job|arq:retry|arq:in-progress):\Z", b"nbq:job:", key[: of_job.start(1)]) + of_job[1]
    found: Any = client.execute_command("HGET", record, "state") if client.type(record) == b"hash" else None
    return found in _LIVE
