"""When a worker that is to end with its work has nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from nbqueue.broker import gates, queues, scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.queues import QueueStats
from nbqueue.broker.signing import Keyring
from nbqueue.worker.engine import Engine

#: how often that is looked for
LOOK_S = 0.05


class Burst:
    """One engine's share of it."""

    def __init__(self, engine: Engine, client: Any, keys: Keys, keyring: Keyring) -> None:
        self._engine, self._client, self._keys, self._keyring = engine, client, keys, keyring

    async def over(self) -> None:
        """Wait until nothing is left to do here: what is for workers with other labels or keys is left to them."""
        # exhaustion is a question to ask, not an event
        while not await self._is_all_done():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)

    async def _is_all_done(self) -> bool:
        """Whether nothing is left to do; a job that was taken while the server was asked is."""
        taken = self._engine.slots.entered
        if not self._engine.is_exhausted or await self._is_more_to_come():
            return False
        await self._engine.settled()
        return self._engine.slots.entered == taken

    async def _is_more_to_come(self) -> bool:
        """Whether jobs of its queues will be ready by themselves: they wait for their time, or for a limit."""
        try:
            found = [await queues.stats(self._client, self._keys, queue.name) for queue in self._engine.queues]
        except scripts.TROUBLE:
            return True
        return any(_comes_to(each, self._keyring.ids) for each in found)


def _comes_to(queue: QueueStats, key_ids: Collection[str]) -> bool:
    """Whether some of its jobs will start here without anybody's doing: when their time, a limit or a worker comes."""
    limited = sum(count for gate, count in queue.held_back.items() if gate.startswith(("l:", "b:", "n:")))
    left = sum(gates.unread(queue.held_back, key_ids).values())
    return not queue.paused and (queue.scheduled > 0 or limited > left)
