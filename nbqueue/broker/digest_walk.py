"""The walk over a value while its digest is made: where it is, what is open above it, what it has seen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any

from nbqueue.errors import NotSendable

Encoder = Callable[["Walk", Any], None]

#: digests of parts that are kept for the case that they come again
_KEPT = 50_000


class Walk:
    """Writes a value into one hash. Containers have a hash of their own, so that shared ones are walked once.

    Code is numbered instead as it is met: functions refer to one another in circles, and to be the same they must do
    so in the same way.
    """

    def __init__(
        self, encoders: Mapping[type, Encoder], fallback: Encoder, *, kept: dict[int, tuple[Any, bytes]] | None = None
    ) -> None:
        self._encoders, self._fallback = encoders, fallback
        self._hash = hashlib.sha256()
        self._steps: list[str] = []
        #: containers and objects above: id -> how deep
        self._open: dict[int, int] = {}
        self._code: dict[tuple[int, Hashable], int] = {}
        #: so that no id is given anew
        self._alive: list[Any] = []
        self._known: dict[int, tuple[Any, bytes]] = {}
        #: whether what was written depends on what is above or was met before
        self._entangled = 0
        #: digests of large buffers by id, with what they are of
        self.kept: dict[int, tuple[Any, bytes]] = {} if kept is None else kept
        #: path -> digest of objects that gave their parts by pickling themselves
        self.reduced: dict[str, bytes] = {}

    @property
    def path(self) -> str:
        """Where the walk is."""
        return "".join(self._steps).strip()

    @property
    def top(self) -> str:
        """In which argument the walk is."""
        return next((step for step in self._steps if step), "").strip()

    def hexdigest(self) -> str:
        """The digest of what was written."""
        return self._hash.hexdigest()

    def raw(self, tag: str, data: bytes | bytearray | memoryview) -> None:
        """Write bytes."""
        self._hash.update(b"%s %d:" % (tag.encode(), len(data)))
        self._hash.update(data)

    def text(self, tag: str, text: str) -> None:
        """Write a text that is no value."""
        self.raw(tag, text.encode("utf-8", "surrogatepass"))

    def part(self, step: str, value: Any) -> None:
        """Write a value that lies at `step` below where the walk is."""
        self._steps.append(step)
        encoder = self._encoders.get(type(value))
        if encoder is None:
            self._fallback(self, value)
        else:
            encoder(self, value)
        self._steps.pop()

    def parts(self, found: Iterable[tuple[str, Any]]) -> None:
        """Write several values, each with the step to it."""
        for step, value in found:
            self.part(step, value)

    def below(self, step: str, write: Callable[[Walk], object]) -> None:
        """Let `write` write what lies at `step`."""
        self._steps.append(step)
        write(self)
        self._steps.pop()

    def node(self, tag: str, value: Any, write: Callable[[Walk], object]) -> bytes:
        """Write a container or object, whose parts `write` writes: its digest, or how far above it stands itself."""
        key = id(value)
        known = self._known.get(key)
        if known is not None:
            self.raw(tag, known[1])
            return known[1]
        depth = self._open.get(key)
        if depth is not None:
            self._entangled += 1
            self.text("above", str(len(self._open) - depth))
            return b""
        before, self._open[key] = self._entangled, len(self._open)
        digest = self._apart(tag, write)
        del self._open[key]
        if self._entangled == before and len(self._known) < _KEPT:
            self._known[key] = value, digest
        self.raw(tag, digest)
        return digest

    def code(self, value: Any, tag: str, write: Callable[[Walk], object], of_it: Hashable = None) -> None:
        """Write a function, class or module (or `of_it`): the first time what it is, then only which one it was."""
        key = (id(value), of_it)
        self._alive.append(value)
        self._entangled += 1
        number = self._code.get(key)
        if number is not None:
            self.text("code", str(number))
            return
        self._code[key] = len(self._code)
        self.text(tag, "")
        write(self)

    def unordered(self, groups: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        """Write groups of values that have no order, each with the step to it."""
        met = self._code
        digests = []
        for step, values in groups:
            self._code = dict(met)  # which of them comes first is chance: none may know of another
            digests.append(self._apart("group", partial(_write_group, step, values)))
        self._code = met
        self.text("unordered", str(len(digests)))
        for digest in sorted(digests):
            self._hash.update(digest)

    def mapping(self, found: Mapping[Any, Any]) -> None:
        """Write pairs, whose order does not count."""
        if all(type(key) is str for key in found):
            self.text("pairs", str(len(found)))
            for key in sorted(found):
                self.text("key", key)
                self.part(f"[{key!r}]", found[key])
        else:
            self.unordered((f"[{_short(key)}]", (key, value)) for key, value in found.items())

    def attributes(self, found: Mapping[str, Any]) -> None:
        """Write attributes by name."""
        self.text("attributes", str(len(found)))
        for name in sorted(found):
            self.text("key", name)
            self.part(f".{name}", found[name])

    def is_above(self, address: int) -> bool:
        """Whether it is the address of an object that is being written."""
        return address in self._open

    def refuse(self, why: str, advice: str = "Pass what it is made of instead") -> NotSendable:
        """The error for the value where the walk is."""
        return digestible(self.path, why, advice)

    def _apart(self, tag: str, write: Callable[[Walk], object]) -> bytes:
        outer, self._hash = self._hash, hashlib.sha256(tag.encode())
        write(self)
        digest, self._hash = self._hash.digest(), outer
        return digest


def _write_group(step: str, values: tuple[Any, ...], walk: Walk) -> None:
    for each in values:
        walk.part(step, each)


def digestible(path: str, why: str, advice: str = "Pass what it is made of instead") -> NotSendable:
    """The error for something that has no value which would be the same elsewhere."""
    where = f"{path} " if path else "The function "
    return NotSendable(f"{where}cannot be compared with other calls: {why}. {advice}.", path=path)


def _short(key: Any) -> str:
    try:
        text = repr(key)
    except Exception:  # noqa: BLE001 - a broken __repr__; it is only for a message
        text = type(key).__name__
    return text if len(text) <= 60 else text[:60] + "..."  # noqa: PLR2004
