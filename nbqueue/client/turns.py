"""Submits that arrive in the order of their calls; those that wait for their turn go together, in one round trip."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import islice, takewhile

from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.client import without_server
from nbqueue.client.delivery import CHUNK_BYTES, deliver, deliver_all, deliver_together
from nbqueue.client.draft import Draft
from nbqueue.client.link import Link
from nbqueue.errors import BrokerUnavailable, LocalStackError, NbqueueError

#: submits of one round trip
MOST_TOGETHER = 100


class Place:
    """Where a submit stands in its line."""

    def __init__(self, draft: Draft | None) -> None:
        #: its job, where it may go together with others
        self.draft = draft if draft is not None and _is_light(draft) else None
        #: what the server answered; empty: it was not sent, or has to be sent by itself
        self.answer = ""
        #: why the server could not be reached, while this waited for its turn
        self.error: NbqueueError | None = None


class Line:
    """Submits of one process to one queue, with one priority."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._places: deque[Place] = deque()

    @asynccontextmanager
    async def place(self, draft: Draft | None = None) -> AsyncGenerator[Place]:
        """Wait for one's turn. Taken before anything is awaited: the order is that of the calls."""
        mine = Place(draft)
        self._places.append(mine)
        try:
            async with self._turn:
                if mine.error is not None and not mine.answer:
                    raise type(mine.error)(str(mine.error))
                waiting = tuple(self._places)
                try:
                    yield mine
                except (BrokerUnavailable, LocalStackError) as error:
                    # they have waited as long as this one; each in turn for itself they would wait for hours
                    for each in waiting if without_server.is_away(error) else ():
                        each.error = error
                    raise
        finally:
            self._places.remove(mine)

    def together(self) -> list[Place]:
        """Whose turn it is, and those behind it that may go in the same round trip."""
        found, size = [], 0
        for each in takewhile(lambda each: each.draft is not None, islice(self._places, MOST_TOGETHER)):
            size += each.draft.size if each.draft is not None else 0
            if size > CHUNK_BYTES:
                break
            found.append(each)
        return found


async def deliver_in_turn(link: Link, draft: Draft) -> str:
    """Send one job after those that were submitted before; what `deliver` answers."""
    if link.instead is not None:
        return await deliver(link, draft)
    line = _line(link, draft)
    async with line.place(draft) as mine:
        if not mine.answer and len(places := line.together()) > 1:
            answers = await deliver_together(link, [each.draft for each in places if each.draft is not None])
            for each, answer in zip(places, answers, strict=True):
                each.answer = answer
        return mine.answer or await deliver(link, draft)


async def deliver_all_in_turn(link: Link, drafts: Sequence[Draft]) -> list[str]:
    """Send the jobs of one order after those that were submitted before; what `deliver_all` answers."""
    if link.instead is not None or not drafts:
        return await deliver_all(link, drafts)
    async with _line(link, drafts[0]).place():
        return await deliver_all(link, drafts)


def _line(link: Link, draft: Draft) -> Line:
    options = draft.order.options
    found: Line = link.lines.setdefault((options.queue, options.priority), Line())
    return found


def _is_light(draft: Draft) -> bool:
    """Whether all that is to be done for it is one call of a script, which needs nothing that may be missing."""
    return draft.size <= LARGE_BYTES and not draft.blobs and not draft.waits
