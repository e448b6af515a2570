"""Submits that arrive one after another: what was submitted first is first in the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nbqueue.client.link import Link

T = TypeVar("T")


class Turns:
    """An order in which things are sent; each waits for the one before it, whatever became of that."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def in_turn(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Callable[[Link], Coroutine[Any, Any, T]]:
        """`act`, begun when it has its turn: these are given in the order in which they are put under way."""

        async def later(link: Link) -> T:
            loop = asyncio.get_running_loop()
            if self._loop is not loop:  # nbqueue was shut down and runs again
                self._lock, self._loop = asyncio.Lock(), loop
            async with self._lock:
                return await act(link)

        return later
