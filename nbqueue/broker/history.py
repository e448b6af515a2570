"""The history, read in pages: a JSON record for each attempt that ended, from the streams of all queues or of one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from nbqueue.broker import asking
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys

#: attempts a page should have: the server gives one in under a millisecond, the client parses it in its caches
PAGE_ATTEMPTS = 500
#: where many streams are read side by side, each is read this little at a time at least
LEAST_ATTEMPTS = 128
#: entries asked for; what is in them is known afterwards, one to 32 attempts each
LEAST_ENTRIES, MOST_ENTRIES = 16, 500

#: puts one question to the server's client and gives its answer; it may ask again where the answer got lost
Ask = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]
#: an entry as it comes: id, [name, value, ...]
Entry = tuple[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some attempts, oldest first."""

    #: ids of their entries, ``<ms>-<number>``; the first part is when the attempt ended, on the server's clock
    ids: list[bytes]
    #: the records as JSON, one an id
    texts: list[bytes]


async def now_ms(ask: Ask) -> int:
    """The server's clock in milliseconds."""
    whole, micro = await ask(lambda client: client.time())
    return int(whole) * 1000 + int(micro) // 1000


async def pages(
    ask: Ask, keys: Keys, *, start: str = "-", end: str = "+", queue: str = ""
) -> AsyncGenerator[Page, None]:
    """The entries from `start` to `end`, oldest first, of one queue or of all; "(" before a bound leaves it out."""
    streams = await _streams(ask, keys, queue, end)
    async for entries in _Streams(streams.keys, start, streams.end, back=False).read(ask):
        yield page_of(entries)


async def pages_back(
    ask: Ask, keys: Keys, *, start: str = "-", end: str = "+", queue: str = ""
) -> AsyncGenerator[Page, None]:
    """The same entries, the newest page first (each page oldest first)."""
    streams = await _streams(ask, keys, queue, end)
    async for entries in _Streams(streams.keys, start, streams.end, back=True).read(ask):
        yield page_of(entries[::-1])


def page_of(entries: Sequence[Entry]) -> Page:
    """The attempts of some entries; what is none of ours is passed over."""
    ids: list[bytes] = []
    texts: list[bytes] = []
    for entry, fields in entries:
        if fields[:1] == [b"records"]:
            found = fields[1].split(b"\n")
            texts += found
            ids += [entry] * len(found)
    return Page(ids, texts)


def place(entry: str) -> tuple[int, float]:
    """The two numbers of an entry's id, for comparing; one without the second is the last of its millisecond."""
    milliseconds, _, number = entry.lstrip("(").partition("-")
    return int(milliseconds), int(number) if number else float("inf")


@dataclass(frozen=True, slots=True)
class _Cut:
    """What is read: some streams, up to an entry."""

    keys: list[str]
    end: str


async def _streams(ask: Ask, keys: Keys, queue: str, end: str) -> _Cut:
    """The streams of one queue or all. All are read up to the newest entry of all as it is now.

    What comes while they are read would otherwise be in one of them and not yet in another, and who goes on after the
    last entry it has seen would miss some.
    """
    if queue:
        return _Cut([keys.history(queue)], end)
    names, newest = await ask(partial(_look, keys))
    if newest is None or (end != "+" and place(end) <= place(newest)):
        newest = end
    return _Cut([keys.history(name) for name in names], newest)


async def _look(keys: Keys, client: Any) -> tuple[list[str], str | None]:
    """The names of all queues, and the newest entry of all."""
    # in this order: a queue whose first entry comes in between is beyond the newest, and not the other way round
    found = sound(await asking.ask(client, (b"HMGET", keys.histories, "at", "total"), (b"SMEMBERS", keys.queues)))
    (at, total), members = found[0] or (None, None), found[1] or ()
    names = sorted(item.decode(errors="replace") for item in members)
    return names, f"{at.decode()}-{total.decode()}" if at and total else None


@dataclass(slots=True)
class _Stream:
    """One queue's history, as far as it was read."""

    key: str
    #: entries to ask for
    count: int
    #: from where on
    bound: str
    #: read and not yet handed out, in the order of reading
    entries: list[Entry] = field(default_factory=list)
    #: where each of them stands among those of all streams
    places: list[tuple[int, int]] = field(default_factory=list)
    ended: bool = False

    def take(self, found: list[Entry], most_attempts: int) -> None:
        """What the server gave."""
        self.entries = found
        self.ended = len(found) < self.count
        if found:
            self.bound = "(" + found[-1][0].decode()
            attempts = sum(fields[1].count(b"\n") + 1 for _, fields in found)
            wanted = self.count * most_attempts // attempts
            least = max(self.count // 4, min(LEAST_ENTRIES, most_attempts // LEAST_ATTEMPTS))
            self.count = min(max(wanted, least), self.count * 4, MOST_ENTRIES)


class _Streams:
    """Some streams read as one, in the order of their ids."""

    def __init__(self, keys: Sequence[str], start: str, end: str, *, back: bool) -> None:
        self._most = min(max(4 * PAGE_ATTEMPTS // max(len(keys), 1), LEAST_ATTEMPTS), PAGE_ATTEMPTS)
        count = max(min(LEAST_ENTRIES, self._most // LEAST_ATTEMPTS), 1)
        self._streams = [_Stream(key, count, end if back else start) for key in keys]
        self._other = start if back else end
        self._back = back

    async def read(self, ask: Ask) -> AsyncGenerator[list[Entry], None]:
        """All of their entries, some at a time."""
        left = self._streams
        while left:
            due = [each for each in left if not each.entries]
            found = await ask(partial(self._ask, due))
            for stream, entries in zip(due, found, strict=True):
                stream.take(entries or [], self._most)
                stream.places = [self._place(entry) for entry in stream.entries] if len(left) > 1 else []
            ready = self._ready(left)
            if ready:
                yield ready
            left = [each for each in left if each.entries or not each.ended]

    async def _ask(self, due: Sequence[_Stream], client: Any) -> list[Any]:
        # a command's name in bytes: redis-py leaves the reply as it came; a dict an entry takes a sixth of the time
        name = b"XREVRANGE" if self._back else b"XRANGE"
        return sound(
            await asking.ask(client, *((name, each.key, each.bound, self._other, b"COUNT", each.count) for each in due))
        )

    def _ready(self, streams: Sequence[_Stream]) -> list[Entry]:
        """What no entry that is still to be read comes before."""
        if len(streams) == 1:
            entries, streams[0].entries = streams[0].entries, []
            return entries
        horizon = min((each.places[-1] for each in streams if each.entries and not each.ended), default=None)
        ready: list[tuple[tuple[int, int], Entry]] = []
        for stream in streams:
            cut = len(stream.places) if horizon is None else bisect_right(stream.places, horizon)
            ready += zip(stream.places[:cut], stream.entries[:cut], strict=True)
            stream.entries, stream.places = stream.entries[cut:], stream.places[cut:]
        ready.sort(key=itemgetter(0))
        return [entry for _, entry in ready]

    def _place(self, entry: Entry) -> tuple[int, int]:
        milliseconds, _, number = entry[0].partition(b"-")
        return (-int(milliseconds), -int(number)) if self._back else (int(milliseconds), int(number))
