"""The history stream, read in pages: a JSON record for each attempt that ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nbqueue.broker.keys import Keys

#: attempts a page should have: the server gives one in under a millisecond, the client parses it in its caches
PAGE_ATTEMPTS = 500
#: entries asked for; what is in them is known afterwards, one to 32 attempts each
LEAST_ENTRIES, MOST_ENTRIES = 16, 500

#: puts one question to the server's client and gives its answer; it may ask again where the answer got lost
Ask = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]


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


async def pages(ask: Ask, keys: Keys, *, start: str = "-", end: str = "+") -> AsyncGenerator[Page, None]:
    """The entries from `start` to `end`, oldest first; "(" before a bound leaves it out."""
    count = LEAST_ENTRIES
    while True:
        found = await ask(partial(_forward, keys.history, start, end, count))
        page = _page(found)
        if found:
            yield page
        if len(found) < count:
            return
        start = "(" + found[-1][0].decode()
        count = _next_count(count, page)


async def pages_back(ask: Ask, keys: Keys, *, start: str = "-", end: str = "+") -> AsyncGenerator[Page, None]:
    """The same entries, the newest page first (each page oldest first)."""
    count = LEAST_ENTRIES
    while True:
        found = await ask(partial(_back, keys.history, start, end, count))
        page = _page(found[::-1])
        if found:
            yield page
        if len(found) < count:
            return
        end = "(" + found[-1][0].decode()
        count = _next_count(count, page)


def _next_count(count: int, page: Page) -> int:
    """More entries where they held few attempts, fewer where many."""
    wanted = count * PAGE_ATTEMPTS // max(len(page.ids), 1)
    return min(max(wanted, count // 4, LEAST_ENTRIES), count * 4, MOST_ENTRIES)


# a command's name in bytes: redis-py leaves the reply as it came, where a dict an entry would take a sixth of the time


def _forward(key: str, start: str, end: str, count: int, client: Any) -> Awaitable[Any]:
    found: Awaitable[Any] = client.execute_command(b"XRANGE", key, start, end, b"COUNT", count)
    return found


def _back(key: str, start: str, end: str, count: int, client: Any) -> Awaitable[Any]:
    found: Awaitable[Any] = client.execute_command(b"XREVRANGE", key, end, start, b"COUNT", count)
    return found


def _page(entries: list[tuple[bytes, list[bytes]]]) -> Page:
    """A page of a reply as it came: [id, [name, value, ...]] an entry."""
    ids: list[bytes] = []
    texts: list[bytes] = []
    for entry, fields in entries:
        if fields[:1] == [b"records"]:
            found = fields[1].split(b"\n")
            texts += found
            ids += [entry] * len(found)
    return Page(ids, texts)
