"""How an endpoint asks the queue's server: through the session in force, as every other caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nbqueue.client.link import Link
from nbqueue.client.session import session

T = TypeVar("T")


async def ask(act: Callable[[Link], Coroutine[Any, Any, T]]) -> T:
    """What `act(link)` gives; given up when whoever waits for it is."""
    return await asyncio.wrap_future(session().call(act))
