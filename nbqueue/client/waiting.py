"""Waits that several verbs share: first until a submit was accepted, then until a job has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from nbqueue.client.link import Link

T = TypeVar("T")


def accepted_first(
    accepted: Future[Any] | None, act: Callable[[Link], Coroutine[Any, Any, T]]
) -> Callable[[Link], Coroutine[Any, Any, T]]:
    """`act`, begun once a submit under way was accepted; fails as the submit did."""
    if accepted is None or (accepted.done() and not accepted.cancelled() and accepted.exception() is None):
        return act

    async def later(link: Link) -> T:
        # shielded: the end of this wait must not cancel the submit
        await asyncio.shield(asyncio.wrap_future(accepted))
        return await act(link)

    return later
