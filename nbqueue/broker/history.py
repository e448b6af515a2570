"""The history stream, read in pages: one JSON record an attempt that ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nbqueue.broker.keys import Keys

#: entries a page: the server gives one in under a millisecond, the client parses it while it is still in its caches
PAGE_ENTRIES = 500

#: puts one question to the server's client and gives its answer; it may ask again where the answer got lost
Ask = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of the stream, oldest first."""

    #: entry ids, ``<ms>-<number>``; the first part is when the attempt ended, on the server's clock
    ids: list[bytes]
    #: the records as JSON, one an id
    texts: list[bytes]


async def now_ms(ask: Ask) -> int:
    """The server's clock in milliseconds."""
    whole, micro = await ask(lambda client: client.time())
    return int(whole) * 1000 + int(micro) // 1000


async def pages(ask: Ask, keys: Keys, *, start: str = "-", end: str = "+") -> AsyncGenerator[Page, None]:
    """The entries from `start` to `end`, oldest first; "(" before a bound leaves it out."""
    while True:
        found = await ask(partial(_forward, keys.history, start, end))
        if found:
            yield _page(found)
        if len(found) < PAGE_ENTRIES:
            return
        start = "(" + found[-1][0].decode()


async def pages_back(ask: Ask, keys: Keys, *, start: str = "-", end: str = "+") -> AsyncGenerator[Page, None]:
    """The same entries, the newest page first (each page oldest first)."""
    while True:
        found = await ask(partial(_back, keys.history, start, end))
        if found:
            yield _page(found[::-1])
        if len(found) < PAGE_ENTRIES:
            return
        end = "(" + found[-1][0].decode()


# a command's name in bytes: redis-py leaves the reply as it came, where a dict an entry would take a sixth of the time


def _forward(key: str, start: str, end: str, client: Any) -> Awaitable[Any]:
    found: Awaitable[Any] = client.execute_command(b"XRANGE", key, start, end, b"COUNT", PAGE_ENTRIES)
    return found


def _back(key: str, start: str, end: str, client: Any) -> Awaitable[Any]:
    found: Awaitable[Any] = client.execute_command(b"XREVRANGE", key, end, start, b"COUNT", PAGE_ENTRIES)
    return found


def _page(entries: list[tuple[bytes, list[bytes]]]) -> Page:
    """A page of a reply as it came: [id, [name, value, ...]] an entry."""
    kept = [(entry, fields[1]) for entry, fields in entries if fields[:1] == [b"record"]]
    return Page([entry for entry, _ in kept], [text for _, text in kept])
