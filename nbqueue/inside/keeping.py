"""What a job keeps for its next attempt: one value of the user's own, and beside it what libraries keep by name."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

#: begins what holds more than the user's own value; no pickle does
_MARK = b"nbqueue beside\n"
#: things kept beside the user's own value; the oldest gives way
MOST_BESIDE = 16


class Keeping:
    """The checkpoint of a job, in parts."""

    def __init__(
        self,
        checkpoint: bytes | None,
        send: Callable[[bytes], None],
        dump: Callable[[Any], bytes],
        load: Callable[[bytes], Any],
    ) -> None:
        self._send, self._dump, self._load = send, dump, load
        self._lock = threading.Lock()
        self._own, self._beside = _split(checkpoint)
        #: what earlier attempts kept beside the user's own value, by name
        self.before: Mapping[str, bytes] = MappingProxyType(dict(self._beside))

    def keep(self, value: Any) -> None:
        """Keep the user's own value; what cannot be encoded raises here."""
        data = self._dump(value)
        with self._lock:
            self._send(_joined(data, self._beside))
            self._own = data

    def kept(self, default: Any) -> Any:
        """The user's own value that was kept last, else the default."""
        return default if self._own is None else self._load(self._own)

    def keep_beside(self, name: str, data: bytes) -> None:
        """Keep bytes of a library's, which the user's code does not see."""
        with self._lock:
            # kept again it counts as the newest
            beside = {each: kept for each, kept in self._beside.items() if each != name} | {name: data}
            while len(beside) > MOST_BESIDE:
                del beside[next(iter(beside))]
            self._send(_joined(self._own, beside))
            self._beside = beside


def own_part(checkpoint: bytes) -> bytes | None:
    """The user's own value of a checkpoint, encoded; None where it holds none."""
    return _split(checkpoint)[0]


def parts_beside(checkpoint: bytes) -> Mapping[str, bytes]:
    """What libraries kept beside it, by name."""
    return _split(checkpoint)[1]


def _joined(own: bytes | None, beside: Mapping[str, bytes]) -> bytes:
    if not beside and own is not None:
        return own
    sizes = {"own": None if own is None else len(own), "beside": {name: len(data) for name, data in beside.items()}}
    return b"".join([_MARK, json.dumps(sizes).encode(), b"\n", own or b"", *beside.values()])


def _split(data: bytes | None) -> tuple[bytes | None, dict[str, bytes]]:
    if data is None or not data.startswith(_MARK):
        return data, {}
    head, _, rest = data[len(_MARK) :].partition(b"\n")
    sizes = json.loads(head)
    own, at = None, 0
    if sizes["own"] is not None:
        own, at = rest[: sizes["own"]], sizes["own"]
    beside = {}
    for name, size in sizes["beside"].items():
        beside[name] = rest[at : at + size]
        at += size
    return own, beside
