"""The engine under arq's worker, with all it needs around it: duties, a lease, an announcement."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbqueue.broker import claims, codec, connection, queues, scripts
from nbqueue.broker.claims import Finish
from nbqueue.broker.keys import Keys
from nbqueue.worker.charge import first
from nbqueue.worker.duties import Duties
from nbqueue.worker.engine import Engine, QueueRef
from nbqueue.worker.lease_thread import LeaseThread
from nbqueue.worker.leases import Leases
from nbqueue.worker.machine import machine_id
from nbqueue.worker.outbox import Outbox
from nbqueue.worker.pruning import Pruning
from nbqueue.worker.reports import Reports
from nbqueue.worker.runner import Runner
from nbqueue.worker.usage import Usage

#: what the ends of stopped jobs get to reach the server
SETTLE_S = 5.0
ANNOUNCE_S = 5.0
AGAIN_S = 1.0


class StockEngine:
    """An engine of one queue that stock clients submit to, on connections of its own."""

    def __init__(
        self, pool: Any, keys: Keys, engine_id: str, runner: Runner, *, supervisor: int, queue: str, slots: int,
        functions: tuple[str, ...], most_claims: int, poll_s: float, lease_patience_s: float | None,
    ) -> None:  # fmt: skip
        """Without `lease_patience_s` somebody else holds the lease; with it, a loop may stand still so long."""
        self._pool, self._keys = pool, keys
        self.client: Any = connection.beside(pool, name="nbqueue-worker")
        self._poll_s, self._lease_patience_s = poll_s, lease_patience_s
        self._engine = Engine(
            client=self.client, keys=keys, engine_id=engine_id, queues=[QueueRef(queue, queue, stock=True)],
            runner=runner, outbox=Outbox(Path(tempfile.gettempdir())), reports=Reports(None, keys),
            loop_slots=slots, process_slots=0, most_claims=most_claims,
        )  # fmt: skip
        self._info = queues.EngineInfo(
            id=engine_id, host=platform.node(), pid=os.getpid(), supervisor=supervisor, machine=machine_id(),
            slots=slots,
            python=codec.header_versions()["py"], version=codec.header_versions()["v"], queues=(queue,),
            functions=functions, started_at=datetime.now(UTC),
        )  # fmt: skip
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._lease: LeaseThread | None = None
        self._stopped = False
        self._draining = asyncio.Event()

    async def start(self) -> None:
        """Open the lease and begin to claim."""
        pruning = Pruning(self.client, self._keys, self._engine.id)
        duties = [
            Duties(self._engine, self.client, poll_s=self._poll_s, beside=[pruning.serve]).serve(),
            self._announce(),
        ]
        if self._lease_patience_s is not None:
            duties += await self._begin_lease(self._lease_patience_s)
        self._tasks = tuple(map(asyncio.create_task, duties))

    def check(self) -> None:
        """Raise what a duty failed with, if one did."""
        for task in self._tasks:
            if task.done():
                task.result()

    def drain(self) -> None:
        """Claim no more; what runs goes on."""
        self._engine.drain()
        self._draining.set()

    async def settled(self) -> None:
        """Wait until nothing runs and every end is recorded."""
        await self._engine.settled()

    def end(self, finish: Finish) -> None:
        """A claim ended."""
        self._engine.end(finish)

    async def recorded(self, finish: Finish) -> None:
        """Wait until the server has an end."""
        await self._engine.recorded(finish)

    async def stop(self) -> bool:
        """Record what ended, give back the rest, close the connections; whether every end was recorded."""
        if self._stopped:
            return True
        self._stopped = True
        self._engine.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._engine.settled()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lease_patience_s is not None:
            await self._end_lease()
        if self.client is not self._pool:
            await self.client.aclose()
        return self._engine.is_settled

    async def _begin_lease(self, patience_s: float) -> list[Coroutine[Any, Any, None]]:
        """Open the lease, and keep it from a thread where that can have a client of its own."""
        engine_id = self._engine.id
        with contextlib.suppress(*scripts.TROUBLE):
            await scripts.run(self.client, claims.lease(self._keys, [engine_id], begin=True))
        if self.client is self._pool:
            return [Leases(self.client, self._keys, lambda: [engine_id]).keep()]
        self._lease = LeaseThread(self._lease_client, self._keys, engine_id, patience_s=patience_s)
        self._lease.start()
        return []

    async def _end_lease(self) -> None:
        if self._lease is not None:
            await self._lease.stop()
        with contextlib.suppress(*scripts.TROUBLE):
            await scripts.run(self.client, claims.reap(self._keys, [self._engine.id], charged=False))

    def _lease_client(self) -> Any:
        return connection.beside(self._pool, name="nbqueue-lease")

    async def _announce(self) -> None:
        """Say who works here, so that others of this machine see at once when it is gone."""
        usage = Usage()
        while True:
            try:
                used = await asyncio.to_thread(usage.look)
                told = self._draining.is_set()
                info = replace(
                    self._info, cpu_percent=used.cpu_percent, memory_bytes=used.memory_bytes, draining=told
                )  # fmt: skip
                await queues.announce(self.client, self._keys, info)
                await (asyncio.sleep(ANNOUNCE_S) if told else first(asyncio.sleep(ANNOUNCE_S), self._draining.wait()))
            except scripts.TROUBLE:
                await asyncio.sleep(AGAIN_S)
