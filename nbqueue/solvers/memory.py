"""What a search leaves for the job's next attempt: its incumbent, under the model that it belongs to."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from weakref import WeakKeyDictionary

from nbqueue.inside.context import JobContext
from nbqueue.solvers.standing import Incumbent

#: how often each model was searched in the attempt under way: the second search of one is another one
_searches: WeakKeyDictionary[JobContext, Counter[str]] = WeakKeyDictionary()


class Memory:
    """Keeps incumbents of one search of a job, and has what earlier attempts had at the same place."""

    def __init__(self, job: JobContext, model: str | bytes) -> None:
        """Args: the job; the model, as something that is equal where and only where the model is."""
        digest = hashlib.sha256(model.encode() if isinstance(model, str) else model).hexdigest()[:32]
        searches = _searches.setdefault(job, Counter())
        searches[digest] += 1
        self._job = job
        self._name = f"search {searches[digest]} {digest}"

    def before(self) -> Incumbent | None:
        """What an earlier attempt had found of this very model."""
        data = self._job.keeping.before.get(self._name)
        try:
            return None if data is None else unpacked(data)
        except (zlib.error, ValueError, TypeError, KeyError):
            return None  # of another version of nbqueue: then the search starts from nothing

    def keep(self, incumbent: Incumbent) -> None:
        """Keep it for the next attempt; may wait for the job's line."""
        self._job.keeping.keep_beside(self._name, packed(incumbent))


def packed(incumbent: Incumbent) -> bytes:
    """As few bytes: some hundred for a thousand variables."""
    return zlib.compress(json.dumps(asdict(incumbent), separators=(",", ":")).encode())


def unpacked(data: bytes) -> Incumbent:
    """The incumbent of these bytes."""
    fields = json.loads(zlib.decompress(data))
    if fields["vector"] is not None:
        fields["vector"] = tuple(fields["vector"])
    return Incumbent(**fields)


def for_job(job: JobContext | None, model: Callable[[], str | bytes] | None) -> Memory | None:
    """The memory of a search; none outside of jobs, where nothing is tried again."""
    return None if job is None or model is None else Memory(job, model())
