"""Reads attempts from the history: pages of JSON turned into columns of plain values."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from nbqueue.analysis.columns import Column
from nbqueue.broker import history as stream
from nbqueue.broker.keys import Keys

_Record = dict[str, Any]
#: attempts that are kept while counting back from the newest on; those before them are read again
HELD = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which attempts are wanted; empty fields want all."""

    #: first entry id, "(" before it leaves it out
    start: str = "-"
    #: last entry id
    end: str = "+"
    queue: str = ""
    states: Collection[str] = ()
    function: str = ""
    tag: str = ""
    #: the newest so many of those wanted; None: all
    limit: int | None = None

    @property
    def filters(self) -> bool:
        """Whether more than the time decides."""
        return bool(self.queue or self.states or self.function or self.tag)


@dataclass(frozen=True, slots=True)
class Part:
    """Some attempts, oldest first."""

    #: ids of the entries
    entries: list[bytes]
    #: what was written of each
    records: list[_Record]
    #: records that could not be read
    unreadable: int = 0

    def values(self, column: Column) -> Sequence[Any]:
        """The plain values of a column; None where a record has none."""
        if column.field == "entry":
            return [entry.decode() for entry in self.entries]
        if column.field == "ended":
            return [int(entry.partition(b"-")[0]) for entry in self.entries]
        found = self._values(column.field)
        if column.field == "label":
            # written where it is another than the function's name
            return [label or name for label, name in zip(found, self._values("function"), strict=True)]
        read = _READ.get(column.field)
        return found if read is None else list(map(read, found))

    def _values(self, name: str) -> list[Any]:
        try:
            return [record[name] for record in self.records]
        except KeyError:
            return [record.get(name) for record in self.records]


#: fields that are not taken as they are written
_READ: Mapping[str, Callable[[Any], Any]] = {
    "tags": lambda tags: tuple(tags) if type(tags) is list else (),
    "error": lambda text: str(text).strip().partition("\n")[0] if text else None,
    # written where it is another than the usual one
    "priority": lambda number: 0 if number is None else number,
}


async def read(ask: stream.Ask, keys: Keys, query: Query) -> AsyncGenerator[Part, None]:
    """The attempts wanted, in parts from the oldest on."""
    if query.limit is not None:
        async with aclosing(_newest(ask, keys, query, query.limit)) as parts:
            async for part in parts:
                yield part
        return
    async for page in stream.pages(ask, keys, start=query.start, end=query.end, queue=query.queue):
        yield parse(page, query)


def parse(page: stream.Page, query: Query) -> Part:
    """The attempts wanted of a page; a record that cannot be read is counted and left out."""
    part = _parsed(page)
    if not query.filters:
        return part
    kept = [i for i, record in enumerate(part.records) if _wanted(record, query)]
    return Part([part.entries[i] for i in kept], [part.records[i] for i in kept], part.unreadable)


async def _newest(ask: stream.Ask, keys: Keys, query: Query, limit: int) -> AsyncGenerator[Part, None]:
    """The newest so many: counted back from the end, of which the last `HELD` are kept, then read on from there."""
    held: list[Part] = []
    rows, least, surplus = 0, b"", 0
    async with aclosing(stream.pages_back(ask, keys, start=query.start, end=query.end, queue=query.queue)) as pages:
        async for page in pages:
            part = parse(page, query)
            cut = max(rows + len(part.entries) - limit, 0)
            if rows < HELD:
                held.append(Part(part.entries[cut:], part.records[cut:], part.unreadable))
            elif part.entries:
                least, surplus = part.entries[cut], part.entries[:cut].count(part.entries[cut])
            rows += len(part.entries)
            if rows >= limit:
                break
    if least:
        first = next(part.entries[0] for part in reversed(held) if part.entries)
        asked = replace(query, start=least.decode(), end="(" + first.decode(), limit=None)
        async with aclosing(read(ask, keys, asked)) as parts:
            async for part in parts:
                # none where that entry is forgotten meanwhile
                cut, surplus = min(surplus, part.entries.count(least)), 0
                yield Part(part.entries[cut:], part.records[cut:], part.unreadable)
    for part in reversed(held):
        yield part


def _parsed(page: stream.Page) -> Part:
    """The records of a page: parsed at one go, or one by one where one of them is broken."""
    try:
        found = json.loads(b"[" + b",".join(page.texts) + b"]")
    except ValueError:
        found = []
    if len(found) == len(page.texts) and set(map(type, found)) <= {dict}:
        return Part(page.ids, found)
    pairs = [(entry, _one(text)) for entry, text in zip(page.ids, page.texts, strict=True)]
    kept = [(entry, record) for entry, record in pairs if record is not None]
    return Part([entry for entry, _ in kept], [record for _, record in kept], len(pairs) - len(kept))


def _one(text: bytes) -> _Record | None:
    """One record; bytes that are not UTF-8 are replaced."""
    try:
        found = json.loads(text.decode(errors="replace"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _wanted(record: _Record, query: Query) -> bool:
    tags = record.get("tags")
    return (
        (not query.queue or record.get("queue") == query.queue)
        and (not query.states or record.get("state") in query.states)
        and (not query.function or record.get("function") == query.function)
        and (not query.tag or (isinstance(tags, list) and query.tag in tags))
    )
