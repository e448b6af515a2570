"""How a worker of a least and a most of engines follows its queues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbqueue.broker.bounds import PROCESS_RANK, READY_LIMIT
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE
from nbqueue.model.scaling import Load, is_calm, wanted
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.crew import Crew

logger = logging.getLogger("nbqueue.worker")

#: how often it looks
LOOK_S = 1.0

#: how many jobs run in each engine, by its number: coroutines, and those in processes
Busy = Mapping[int, tuple[int, int]]


class Following:
    """Looks at the queues, and wants more engines or fewer."""

    def __init__(
        self, client: Any, keys: Keys, config: WorkerConfig, crew: Crew, busy: Callable[[], Busy]
    ) -> None:  # fmt: skip
        self._client, self._keys, self._crew, self._busy = client, keys, crew, busy
        self._slots = (config.concurrency, config.slots)
        # of a queue with a limit the first engines run as much as may be run at once
        self._queues = [queue for queue in config.queues if queue not in config.queue_concurrency]
        self._calm_since: float | None = None

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                self._decide(await waiting(self._client, self._keys, self._queues))
            except TROUBLE as error:
                # what is not known is no reason to change anything
                self._calm_since = None
                logger.debug("How many jobs wait cannot be read: %s", error)
            await asyncio.sleep(LOOK_S)

    def _decide(self, waiting: tuple[int, int]) -> None:
        now, busy, size = asyncio.get_running_loop().time(), self._busy(), self._crew.size
        running = [sum(each[lane] for each in busy.values()) for lane in (0, 1)]
        loads = [Load(waiting=waiting[lane], busy=running[lane], slots=self._slots[lane]) for lane in (0, 1)]
        if not is_calm(size, loads):
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        calm_s = 0.0 if self._calm_since is None else now - self._calm_since
        target = wanted(size, self._crew.span, loads, calm_s=calm_s)
        if target != size:
            logger.info("%d jobs wait and %d run: engines from %d to %d.", sum(waiting), sum(running), size, target)
            self._calm_since = None
            self._crew.be(target, {number: sum(lanes) for number, lanes in busy.items()})


async def waiting(client: Any, keys: Keys, queues: Sequence[str]) -> tuple[int, int]:
    """How many jobs of these queues are `QueueStats.ready`: coroutines, and those that need a process."""
    if not queues:
        return (0, 0)
    pipe = client.pipeline(transaction=False)
    for name in queues:
        pipe.sismember(keys.paused, name)
        pipe.zcount(keys.queue(name), "-inf", f"({PROCESS_RANK}")
        pipe.zcount(keys.queue(name), PROCESS_RANK, f"({READY_LIMIT}")
    found = sound(await pipe.execute(raise_on_error=False))
    open_ = [found[at : at + 3] for at in range(0, len(found), 3) if not found[at]]
    return (sum(each[1] or 0 for each in open_), sum(each[2] or 0 for each in open_))
