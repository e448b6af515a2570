"""The line of submits to one queue: whose turn it is, and who may go with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import count, islice, takewhile

from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.client.draft import Draft
from nbqueue.errors import NbqueueError


class Turn:
    """Where a submit stands in its line."""

    def __init__(self, number: int, draft: Draft | None) -> None:
        #: rises along the line
        self.number = number
        #: its job, where that may go together with others
        self.draft = draft if draft is not None and is_light(draft) else None
        #: what the server answered; empty: it was not sent, or has to be sent by itself
        self.answer = ""
        #: why the server could not be reached, while this waited
        self.error: NbqueueError | None = None

    def answered(self, answer: str) -> None:
        """Keep the answer to what was sent together. One that was refused goes by itself, and is told why."""
        self.answer = answer
        if not answer:
            self.draft = None


class SubmitLine:
    """Submits of one process to one queue, with one priority."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._turns: deque[Turn] = deque()
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, draft: Draft | None = None) -> AsyncGenerator[Turn]:
        """Wait for one's turn. Taken before anything is awaited: the order is that of the calls."""
        mine = Turn(next(self._numbers), draft)
        self._turns.append(mine)
        try:
            async with self._lock:
                yield mine
        finally:
            self._turns.remove(mine)

    @property
    def last(self) -> int:
        """The number of the last that waits."""
        return self._turns[-1].number

    def give_up(self, last: int, error: NbqueueError) -> None:
        """Have all up to this number fail with an error."""
        for each in takewhile(lambda each: each.number <= last, self._turns):
            each.error = error

    def together(self, most: int, most_bytes: int) -> Sequence[tuple[Turn, Draft]]:
        """Whose turn it is, and those behind it that may go in the same round trip."""
        found: list[tuple[Turn, Draft]] = []
        size = 0
        for each in islice(self._turns, most):
            if each.draft is None or each.answer or (size := size + each.draft.size) > most_bytes:
                break
            found.append((each, each.draft))
        return found


def is_light(draft: Draft) -> bool:
    """Whether all that is to be done for it is one call of a script, which needs nothing that may be missing."""
    return draft.size <= LARGE_BYTES and not draft.blobs and not draft.waits
