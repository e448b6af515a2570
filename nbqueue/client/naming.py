"""Names of jobs that a job submits: a job that runs again, because its worker was lost, gives the same ones."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nbqueue.broker.digest import call_digest
from nbqueue.client.draft import Order
from nbqueue.model import plain_json

#: hexadecimal characters of a name, as many as any other id has
_LENGTH = 20


def mark(fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any], payload: bytes) -> bytes:
    """What is the same for the same call in any process; its bytes, where something in it has no such digest.

    The bytes of equal calls may differ: by the order of sets, and by which equal texts happen to be one object.
    """
    try:
        return call_digest(fn, args, kwargs).encode()
    except Exception:  # noqa: BLE001 - it runs code of others; the call itself can be sent
        return payload


class Repeatable:
    """Names of one run: made of the job and its try, of what is called how, and of how often it was before.

    What is submitted in another order, or is not quite the same, gets another name: then a run that is repeated submits
    it anew, but never takes the one job for the other.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._times: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def __call__(self, order: Order, calls: Iterable[bytes]) -> str:
        """The name of the next job, or group, of these calls."""
        digest = hashlib.sha256(plain_json.encode({"seed": self._seed, **order.form().to_wire()}).encode())
        for call in calls:
            digest.update(len(call).to_bytes(8, "big"))
            digest.update(call)
        about = digest.digest()
        with self._lock:
            number = self._times[about]
            self._times[about] += 1
        return hashlib.sha256(about + number.to_bytes(8, "big")).hexdigest()[:_LENGTH]
