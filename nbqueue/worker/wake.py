"""Waiting for work: a blocking pop on a connection of its own, and a claim that waits behind it in the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nbqueue.broker import scripts
from nbqueue.broker.claims import Claimed
from nbqueue.broker.keys import TOKEN_MS
from nbqueue.broker.scripts import Call
from nbqueue.worker.engine import Engine

logger = logging.getLogger("nbqueue.worker")

#: seconds a pop waits; less than the socket's timeout
BLOCK_S = 2
RETRY_S = 0.5


class Waker:
    """Pops wake-up tokens: those of the queues only while there is room, its own always.

    The server begins with the claim behind the pop as soon as that ends: an idle engine gets the call and the job in
    one answer.
    """

    def __init__(self, client: Any, engine: Engine, *, on_stop: Callable[[], None]) -> None:
        self._client, self._engine, self._on_stop = client, engine, on_stop
        self._own = engine.keys.wake(engine.id)
        self._queues = [engine.keys.wake(queue.name) for queue in engine.queues]
        self._waiting: asyncio.Timeout | None = None
        self._answered = asyncio.Event()
        engine.on_drain = self._withdraw

    async def watch(self) -> None:
        """Pop until cancelled, through any trouble with the server."""
        while True:
            try:
                await self._pop()
            except scripts.TROUBLE as error:
                logger.debug("No wake-up calls for now: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _withdraw(self) -> None:
        """Close the connection on which a claim waits."""
        if self._waiting is not None:
            self._answered.clear()
            self._waiting.reschedule(0)
            await self._answered.wait()

    async def _pop(self) -> None:
        has_room = self._engine.has_room()
        keys = [self._own, *(self._queues if has_room else ())]
        claim = self._engine.idle_claim() if has_room else None
        pop: Call[Any] = Call(None, (), (b"BLPOP", *keys, BLOCK_S), lambda reply: reply)
        try:
            async with asyncio.timeout(None) as self._waiting:
                popped, *claimed = await scripts.run_all(self._client, [pop, *filter(None, (claim,))])
        finally:
            self._waiting = None
            self._answered.set()
        if isinstance(popped, Exception):
            raise popped
        served = any([await self._engine.take_idle(answer) for answer in claimed if isinstance(answer, Claimed)])
        if popped is not None:
            await self._obey(popped[0].decode(), popped[1], served=served)

    async def _obey(self, key: str, token: bytes, *, served: bool) -> None:
        if key == self._own:
            (self._on_stop if token == b"stop" else self._engine.want_claims)()
        elif self._engine.has_room():
            if not served:
                self._engine.want_claims()
            # what that leads to goes out before the next wait does
            await asyncio.sleep(0)
        elif not served:
            await self._pass_on(key, token)

    async def _pass_on(self, key: str, token: bytes) -> None:
        """Leave a token to others: the room for its job was taken meanwhile."""
        pipe = self._client.pipeline(transaction=True)
        pipe.lpush(key, token)
        pipe.pexpire(key, TOKEN_MS)
        await pipe.execute()
