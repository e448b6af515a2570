"""Waiting for work: a blocking pop on a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.broker.asking import ask_one
from nbqueue.broker.bounds import TOKEN_MS
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE

logger = logging.getLogger("nbqueue.worker")

#: seconds a pop waits; less than the socket's timeout
BLOCK_S = 2
RETRY_S = 0.5


class Waker:
    """Pops wake-up tokens: those of a queue only while there is room for its jobs, its own always."""

    def __init__(
        self, client: Any, keys: Keys, engine: str, queues: Sequence[str], *,
        listen: Callable[[], list[int]], has_room: Callable[[int], bool], on_work: Callable[[int | None], None],
        on_stop: Callable[[], None],
    ) -> None:  # fmt: skip
        self._client, self._keys = client, keys
        self._own = keys.wake(engine)
        self._queues = [keys.wake(queue) for queue in queues]
        self._listen, self._has_room, self._on_work, self._on_stop = listen, has_room, on_work, on_stop

    async def listen_also(self, queue: str) -> None:
        """Wait for tokens of another queue too, from the next pop on; that is now."""
        self._queues.append(self._keys.wake(queue))
        await self._pass_on(self._own, b"ready")

    async def watch(self) -> None:
        """Pop until cancelled, through any trouble with the server."""
        while True:
            try:
                await self._pop()
            except TROUBLE as error:
                logger.debug("No wake-up calls for now: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _pop(self) -> None:
        keys = [self._own, *(self._queues[queue] for queue in self._listen())]
        popped = await ask_one(self._client, b"BLPOP", *keys, BLOCK_S)
        if popped is None:
            return
        key, token = popped[0].decode(), popped[1]
        if key == self._own:
            if token == b"stop":
                self._on_stop()
            elif token == b"ready":
                # somebody met a job that needs what this engine has
                self._on_work(None)
                await asyncio.sleep(0)
        elif self._has_room(queue := self._queues.index(key)):
            self._on_work(queue)
            # the claim goes out before the next wait does
            await asyncio.sleep(0)
        else:
            await self._pass_on(key, token)

    async def _pass_on(self, key: str, token: bytes) -> None:
        """Leave a token to others: the room for its job was taken meanwhile."""
        pipe = self._client.pipeline(transaction=True)
        pipe.lpush(key, token)
        pipe.pexpire(key, TOKEN_MS)
        await pipe.execute()
