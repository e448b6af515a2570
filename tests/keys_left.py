"""Finds keys that would stay in a server for ever although their job is over."""

import re
from typing import Any

import redis

#: kept without an end on purpose: live jobs, queues, counters, schedules, streams with a bound
_LASTING = re.compile(
    rb"(?:[^:]+:)?(?:arq:queue(?::.*)?|nbq:(?:sequence|histories|retention|queues|paused|pauses|closed|limits|events|history:.*|leases|expiring|epoch"
    rb"|hooks|alerts|alarms|claims:.*|counts:.*|schedules|schedule-names|schedule:.*|call:.*))\Z"
)
#: there as long as some job waits or runs
_WITH_LIVE = re.compile(
    rb"(?:[^:]+:)?nbq:(?:parents|settling|(?:gates|behind|parked|children|holding|holds):.*)\Z", re.DOTALL
)
_OF_GROUP = re.compile(rb"((?:[^:]+:)?nbq:)(?:group|members):(.*)\Z", re.DOTALL)
_OF_JOB = re.compile(rb"(?:[^:]+:)?(?:arq:job|nbq:job|arq:retry|arq:in-progress):(.*)\Z", re.DOTALL)
_OF_BLOB = re.compile(rb"((?:[^:]+:)?nbq:)(?:blob|blob-users):([0-9a-f]{64})\Z")
_LIVE = {b"queued", b"scheduled", b"running"}


def immortal(client: redis.Redis) -> list[bytes]:
    """Keys of ours without a TTL that should have one."""
    ours = (key for key in client.scan_iter(count=1000) if b"arq:" in key or b"nbq:" in key)
    return sorted(key for key in ours if client.ttl(key) == -1 and not _may_last(client, key))


def _may_last(client: redis.Redis, key: bytes) -> bool:
    if _LASTING.match(key):
        return True
    if _WITH_LIVE.match(key):
        return any(_is_live(client, record) for record in client.scan_iter(match="*nbq:job:*", count=1000))
    if of_group := _OF_GROUP.match(key):
        left: Any = client.execute_command("HGET", of_group[1] + b"group:" + of_group[2], "left")
        return left is not None and int(left) > 0
    if of_blob := _OF_BLOB.match(key):
        return _users(client, *of_blob.groups()) > 0
    of_job = _OF_JOB.match(key)
    if of_job is None:
        return False
    record = re.sub(rb"(?:arq:job|arq:retry|arq:in-progress):\Z", b"nbq:job:", key[: of_job.start(1)]) + of_job[1]
    return _is_live(client, record)


def _users(client: redis.Redis, prefix: bytes, digest: bytes) -> int:
    """Live jobs that say they use a blob; none where the server counts others."""
    live = [record for record in client.scan_iter(match=prefix + b"job:*", count=1000) if _is_live(client, record)]
    told: list[Any] = [client.execute_command("HGET", record, "blobs") for record in live]
    found = sum(digest in (each or b"").split() for each in told)
    counted: Any = client.execute_command("HGET", prefix + b"blob-users:" + digest, "count")
    return found if found == int(counted or 0) else 0


def _is_live(client: redis.Redis, record: bytes) -> bool:
    found: Any = client.execute_command("HGET", record, "state") if client.type(record) == b"hash" else None
    return found in _LIVE
