"""The walk over a value while its digest is made: where it is, what is open above it, what it has seen."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any

from nbqueue.errors import NotSendable

Encoder = Callable[["Walk", Any], None]

_Key = tuple[int, Hashable]

#: digests of parts that are kept for the case that they come again
_KEPT = 50_000
#: how often a part of one circle is walked, where sets lead to it
_MOST_WALKS = 200
_NEVER = sys.maxsize


class Walk:
    """Writes a value into one hash. Containers, objects and code have hashes of their own: shared ones are walked once.

    What refers to itself in a circle, as functions often do, is numbered as it is met: two circles are the same where
    they are entered at the same place and lead on in the same way.
    """

    def __init__(
        self, encoders: Mapping[type, Encoder], fallback: Encoder, *, kept: dict[int, tuple[Any, bytes]] | None = None
    ) -> None:
        self._encoders, self._fallback = encoders, fallback
        self._hash = hashlib.sha256()
        self._steps: list[str] = []
        #: what is open above, and what was met in the same circle: its number, in the order of meeting
        self._numbers: dict[_Key, tuple[int, Any]] = {}
        #: number of what the walk is in, and the lowest number that was met again below it
        self._at, self._low = 0, _NEVER
        #: digests of what depends on nothing around it
        self._known: dict[_Key, tuple[Any, bytes]] = {}
        #: digests of what lies in a circle or leads to one, and its place there: where the circle was entered counts
        self._met: dict[_Key, tuple[Any, bytes, int]] = {}
        #: how often something was met that is known only in the order of the walk
        self._entangled = 0
        self._walks: dict[_Key, int] = {}
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

    def node(self, tag: str, value: Any, write: Callable[[Walk], object], of_it: Hashable = None) -> bytes:
        """Write a container, object, function or class (or `of_it`), whose parts `write` writes: its digest.

        Within a circle it is written once, and after that as how far back it was met.
        """
        key = (id(value), of_it)
        if key in self._known or key in self._met:
            return self._write_known(key, tag)
        if key in self._numbers:
            number = self._numbers[key][0]
            self._low = min(self._low, number)
            self.text("again", str(self._at - number))
            return b""
        own, before, outer = len(self._numbers), self._entangled, (self._at, self._low)
        self._numbers[key] = own, value
        self._at, self._low = own, _NEVER
        digest = self._apart(tag, write)
        self._at, low = outer[0], self._low
        self._low = min(outer[1], low) if low < own else outer[1]
        if low < own:
            self._count(key)
        elif low == own:
            self._close_circle(own, digest)
        else:
            del self._numbers[key]
            if self._entangled != before:
                self._met[key] = value, digest, 0
            elif len(self._known) < _KEPT:
                self._known[key] = value, digest
        self.raw(tag, digest)
        return digest

    def knows(self, value: Any) -> bool:
        """Whether it was walked before, so that `node` writes it without walking it again."""
        key = (id(value), None)
        return key in self._known or key in self._met

    def _write_known(self, key: _Key, tag: str) -> bytes:
        if key in self._known:
            digest, index = self._known[key][1], 0
        else:
            _, digest, index = self._met[key]
            self._entangled += 1
        if index:
            self.text("member", str(index))
        self.raw(tag, digest)
        return digest

    def _close_circle(self, own: int, digest: bytes) -> None:
        """Whatever lies in the circle that began with number `own` is from now on known by its place there."""
        self._entangled += 1
        members = [self._numbers.popitem() for _ in range(len(self._numbers) - own)]
        for index, (key, (_, value)) in enumerate(reversed(members)):
            self._met[key] = value, digest, index

    def _count(self, key: _Key) -> None:
        """Give up where circles go through sets: there is no order in which to walk them once."""
        self._walks[key] = self._walks.get(key, 0) + 1
        if self._walks[key] > _MOST_WALKS:
            why = "it lies in circles that go through sets, which have no order"
            raise self.refuse(why, "Use lists, or dicts with names, there")

    def unordered(self, groups: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        """Write groups of values that have no order, each with the step to it."""
        digests = []
        for step, values in groups:
            marks = len(self._met), len(self._numbers)
            digests.append(self._apart("group", partial(_write_group, step, values)))
            # which of them comes first is chance: none may know of what another met
            while len(self._met) > marks[0]:
                self._met.popitem()
            while len(self._numbers) > marks[1]:
                self._numbers.popitem()
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
        return (address, None) in self._numbers

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
