"""What the server has recorded of a job, read past the client."""

import json
from collections.abc import Iterator
from typing import Any

from nbqueue.broker.keys import Keys
from nbqueue.model.states import State

KEYS = Keys()
FINAL = {state.value for state in State if state.is_final}


def attempts(client: Any, job_id: str) -> list[tuple[int, str]]:
    """(number, state) of every attempt in the history."""
    streams = [client.xrange(key) for key in client.scan_iter(match=KEYS.history("*"), count=1000)]
    records = [json.loads(line) for each in streams for _, fields in each for line in fields[b"records"].split(b"\n")]
    return [(record["attempt"], record["state"]) for record in records if record["job"] == job_id]


def changes(client: Any, job_id: str) -> list[tuple[str, int]]:
    """(state, fence) of every change that followers were told."""
    return [(state, fence) for found, state, fence in _told(client) if found == job_id]


def ends(client: Any) -> dict[str, list[str]]:
    """The final states each job was told to be in: exactly one, if all is well."""
    found: dict[str, list[str]] = {}
    for job_id, state, _ in _told(client):
        if state in FINAL:
            found.setdefault(job_id, []).append(state)
    return found


def counted(client: Any, queue: str = "default") -> int:
    """How many jobs of a queue have ended."""
    return sum(int(number) for number in client.hgetall(KEYS.counts(queue)).values())


def lease_left_s(client: Any, engine: str) -> float:
    """Seconds until an engine's lease runs out, on the server's clock."""
    pipe = client.pipeline()
    pipe.zscore(KEYS.leases, engine)
    pipe.time()
    score, (whole, micro) = pipe.execute()
    return -1.0 if score is None else score / 1000 - whole - micro / 1_000_000


def _told(client: Any) -> Iterator[tuple[str, str, int]]:
    for _, fields in client.xrange(KEYS.events):
        for line in fields[b"jobs"].decode().split("\n"):
            job_id, state, fence = line.rsplit(" ", 2)
            yield job_id, state, int(fence)
