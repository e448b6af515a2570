"""The store in the hands of somebody who can run any command there: raw writes, and looks at what became of them."""

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
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


def by_hand(function: object, *args: object, **kwargs: object) -> bytes:
    """A submission as somebody without nbqueue writes it."""
    return json.dumps({"function": function, "args": args, "kwargs": kwargs}).encode()


def job_header(job_id: str, **changes: object) -> dict[str, object]:
    """The header of a submission as our client writes it."""
    return {
        "kind": "job", "ns": "", "id": job_id, "fn": "evil", "codec": "pickle", **codec.header_versions(),
        "lane": "process", "queue": "default", "opt": {}, "label": "evil", "tags": [], "group": "", "retry_of": "",
        **changes,
    }  # fmt: skip


@dataclass(frozen=True)
class Store:
    """A connection with all rights, and no key."""

    #: a plain redis client; its types are those of its async sister as well
    client: Any
    keys: Keys

    def put(self, job_id: str | bytes, submission: bytes | None, queue: str = "default") -> None:
        """Put a record onto a queue, past our client and its script, and wake a worker as the script does."""
        name = job_id if isinstance(job_id, bytes) else job_id.encode()
        if submission is not None:
            self.client.set(self.keys.submission("").encode() + name, submission)
        self.client.zadd(self.keys.queue(queue), {name: 1})
        self.client.lpush(self.keys.wake(queue), "ready")
        self.client.pexpire(self.keys.wake(queue), 60_000)

    def put_signed(self, keyring: Keyring, job_id: str, payload: bytes, **changes: object) -> None:
        """Put a submission that a holder of the key wrote, with any header, and the record that our script writes."""
        fields = {"state": "queued", "queue": "default", "function": "f", "rank": "1", "submitted": "1", "due": "1"}
        self.client.hset(self.keys.record(job_id), mapping=fields)
        self.put(job_id, seal(keyring, job_header(job_id, **changes), payload))

    def end_of(self, job_id: str | bytes, timeout_s: float = ENDED_S) -> dict[str, str]:
        """What stands in the record of a job once it has ended."""

        def ended() -> dict[str, str]:
            found = self.record(job_id)
            return found if State(found.get("state", "queued")).is_final else {}

        return wait_until(ended, timeout_s)

    def record(self, job_id: str | bytes) -> dict[str, str]:
        """What stands in the record of a job; nothing where it is of another type."""
        key = self.keys.record("").encode() + (job_id if isinstance(job_id, bytes) else job_id.encode())
        found = self.client.hgetall(key) if self.client.type(key) == b"hash" else {}
        return {key.decode(): value.decode(errors="replace") for key, value in found.items()}

    def history(self, job_id: str) -> list[tuple[int, str]]:
        """(attempt, state) of what the history says of a job."""
        entries = self.client.xrange(self.keys.history("default"))
        texts = [line for _, fields in entries for line in fields[b"records"].split(b"\n")]
        records = [json.loads(text.decode(errors="replace")) for text in texts]
        return [(record["attempt"], record["state"]) for record in records if record.get("job") == job_id]

    def dump(self) -> dict[bytes, bytes]:
        """Every key with its serialised value."""
        return {key: self.client.dump(key) or b"" for key in self.client.scan_iter(count=1000)}
