"""Which engines of a worker are to run: those with the first numbers always, others as the queues need them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nbqueue.model.scaling import Span


class Crew:
    """Engines by number, each wanted or not."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._wanted = {number: asyncio.Event() for number in range(span.most)}
        self._unwanted = {number: asyncio.Event() for number in range(span.most)}
        self._over = False
        for number in self._wanted:
            self._set(number, wanted=number < span.least)

    @property
    def size(self) -> int:
        """How many are wanted."""
        return sum(event.is_set() for event in self._wanted.values())

    @property
    def is_over(self) -> bool:
        """Whether no more are to begin: a burst found nothing left to do."""
        return self._over

    async def called(self, number: int) -> None:
        """Wait until this one is wanted, or all is over."""
        await self._wanted[number].wait()

    async def dismissed(self, number: int) -> None:
        """Wait until this one is no longer wanted."""
        await self._unwanted[number].wait()

    def be(self, size: int, busy: Mapping[int, int]) -> None:
        """Want so many; of those that are wanted no longer the least busy, and never one of the first."""
        while self.size < size and (free := [number for number in self._wanted if self._is_free(number)]):
            self._set(free[0], wanted=True)
        while self.size > size and (able := [number for number in self._wanted if self._may_go(number)]):
            self._set(min(able, key=lambda number: (busy.get(number, 0), -number)), wanted=False)

    def finish(self) -> None:
        """Those that never began are not waited for."""
        self._over = True
        for event in self._wanted.values():
            event.set()

    def _set(self, number: int, *, wanted: bool) -> None:
        to_set, to_clear = (self._wanted, self._unwanted) if wanted else (self._unwanted, self._wanted)
        to_set[number].set()
        to_clear[number].clear()

    def _is_free(self, number: int) -> bool:
        return not self._wanted[number].is_set()

    def _may_go(self, number: int) -> bool:
        return number >= self.span.least and self._wanted[number].is_set()
