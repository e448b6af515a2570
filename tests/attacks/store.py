"""The store in the hands of somebody who can run any command there: raw writes, and looks at what became of them."""

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from nbqueue.broker.keys import Keys
from nbqueue.model.states import State
from tests.waiting import wait_until

#: an unreadable record has ended within this, doubled for a busy machine
ENDED_S = 2 * 2.0


class Marks:
    """An object that makes a file wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def marking(path: Path) -> bytes:
    """A pickle that makes a folder when it is loaded."""
    return pickle.dumps(Marks(path))


@dataclass(frozen=True)
class Store:
    """A connection with all rights, and no key."""

    client: redis.Redis
    keys: Keys

    def put(self, job_id: str | bytes, submission: bytes | None, queue: str = "default") -> None:
        """Put a record onto a queue, past our client and its script."""
        name = job_id if isinstance(job_id, bytes) else job_id.encode()
        if submission is not None:
            self.client.set(self.keys.submission("").encode() + name, submission)
        self.client.zadd(self.keys.queue(queue), {name: 1})

    def end_of(self, job_id: str | bytes, timeout_s: float = ENDED_S) -> dict[str, str]:
        """What stands in the record of a job once it has ended."""

        def ended() -> dict[str, str]:
            found = self.record(job_id)
            return found if State(found.get("state", "queued")).is_final else {}

        return wait_until(ended, timeout_s)

    def record(self, job_id: str | bytes) -> dict[str, str]:
        """What stands in the record of a job."""
        name = job_id if isinstance(job_id, bytes) else job_id.encode()
        found = self.client.hgetall(self.keys.record("").encode() + name)
        return {key.decode(): value.decode(errors="replace") for key, value in found.items()}

    def history(self, job_id: str) -> list[tuple[int, str]]:
        """(attempt, state) of what the history says of a job."""
        texts = [fields[b"record"] for _, fields in self.client.xrange(self.keys.history)]
        records = [json.loads(text.decode(errors="replace")) for text in texts]
        return [(record["attempt"], record["state"]) for record in records if record.get("job") == job_id]

    def dump(self) -> dict[bytes, bytes]:
        """Every key with its serialised value."""
        return {key: self.client.dump(key) or b"" for key in self.client.scan_iter(count=1000)}
