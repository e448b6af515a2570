"""A worker in the process that starts it: one engine, its lease, and threads where others have child processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import secrets
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from nbqueue.broker import codec, queues, scripts, terms
from nbqueue.broker.connection import open_redis
from nbqueue.broker.handshake import agree
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.children.threads import Threads
from nbqueue.model import task as tasks
from nbqueue.model.options import Options, RunIn, check
from nbqueue.worker.attempt import Attempt, Here
from nbqueue.worker.beside import Beside
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.desks import Desks
from nbqueue.worker.duties import Duties
from nbqueue.worker.engine import Engine, QueueRef
from nbqueue.worker.leases import Leases
from nbqueue.worker.loop_run import unknown
from nbqueue.worker.machine import machine_id
from nbqueue.worker.native import NativeRunner
from nbqueue.worker.outbox import Outbox
from nbqueue.worker.reports import Reports
from nbqueue.worker.usage import Usage

logger = logging.getLogger("nbqueue.worker")

ANNOUNCE_S = 5.0
#: how often new queues are looked for
LOOK_S = 0.1
#: a failed duty is begun again after this
AGAIN_S = 1.0
#: how long the code of jobs is given to hand back what it has when the worker ends
LEAVE_S = 1.0


class InProcessWorker:
    """Serves from `start` to `close`, all on the loop that these were called on."""

    def __init__(self, config: WorkerConfig, keyring: Keyring, *, every_queue: bool = False) -> None:
        """Args: where, what and with which key; whether to serve also queues that come up later."""
        self._config, self._keyring, self._every_queue = config, keyring, every_queue
        self._keys = Keys(config.namespace)
        self._id = f"{platform.node() or 'here'}-{os.getpid()}-{secrets.token_hex(4)}"
        self._outbox = Outbox(Path(config.spill_dir or tempfile.gettempdir()))
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up work; raises ConfigurationError where jobs are signed with another key."""
        self._client: Any = open_redis(self._config.address, name="nbqueue-worker")
        self._waiting_client: Any = open_redis(self._config.address, name="nbqueue-worker-wait")
        await agree(self._client, self._keys, self._keyring)
        reports = Reports(self._keyring, self._keys)
        self._threads = Threads(reports, result_limit_bytes=self._config.limit_bytes)
        await self._threads.start()
        where = (self._config.address, self._keyring, self._config.namespace)
        self._desks = desks = Desks(where, self._threads, self._config.limit_bytes)
        self._runner = SharedRunner(
            self._here(), client=self._client, threads=self._threads, listener=reports, desks=desks
        )  # fmt: skip
        self._engine = engine = self._made_engine(reports)
        self._runner.on_end, desks.on_rest, desks.on_back = engine.end, engine.slots.rest, engine.slots.back
        engine.lacks = self._runner.lacking.of
        beside = Beside(self._config, self._client, self._keys, self._keyring, self._id)
        self._duties = Duties(self._engine, self._waiting_client, beside=beside.duties)
        self._leases = Leases(self._client, self._keys, lambda: [self._id])
        self._info = self._described()
        await self._say()
        await self._leases.begin(self._id)
        work = [self._leases.keep(), self._announce(), self._serve()]
        if self._every_queue:
            work.append(self._look_for_queues())
        self._tasks = [asyncio.create_task(one) for one in work]

    async def close(self) -> None:
        """Ask what runs to stop, give back what does not, and leave."""
        with contextlib.suppress(*scripts.TROUBLE):
            self._engine.drain()
            self._runner.stop_all("shutdown")
            async with asyncio.timeout(LEAVE_S):
                await self._engine.settled()
        for one in self._tasks:
            one.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._threads.close()
        await self._desks.close()
        with contextlib.suppress(*scripts.TROUBLE):
            await self._leases.give_back([self._id], charged=False, guilty="")
        self._outbox.close()
        await self._client.aclose()
        await self._waiting_client.aclose()

    def _here(self) -> Here:
        return Here(
            self._keyring, self._keys, self._id, platform.node(), self._config.limit_bytes, Random(),  # noqa: S311 - jitter
            codec.header_versions(), self._config.only_registered,
        )  # fmt: skip

    def _made_engine(self, reports: Reports) -> Engine:
        config = self._config
        return Engine(
            client=self._client, keys=self._keys, engine_id=self._id, runner=self._runner, outbox=self._outbox,
            queues=[QueueRef(name, self._keys.queue(name), share=config.share(name)) for name in config.queues],
            reports=reports, loop_slots=config.concurrency, process_slots=config.slots, strict=config.strict,
            offers=config.offers,
        )  # fmt: skip

    def _described(self) -> queues.EngineInfo:
        versions = codec.header_versions()
        return queues.EngineInfo(
            id=self._id, host=platform.node(), pid=os.getpid(), supervisor=os.getpid(), machine=machine_id(),
            python=versions["py"], version=versions["v"], queues=self._config.queues, slots=self._config.slots,
            functions=tuple(tasks.registered()), only_registered=self._config.only_registered,
            resources=self._config.resources, labels=self._config.labels, started_at=datetime.now(UTC),
        )  # fmt: skip

    async def _serve(self) -> None:
        await self._again_and_again(self._duties.serve)

    async def _announce(self) -> None:
        usage = Usage()
        while True:
            with contextlib.suppress(*scripts.TROUBLE):
                used = await asyncio.to_thread(usage.look)
                # functions may be registered at any time
                self._info = replace(
                    self._info, functions=tuple(tasks.registered()), cpu_percent=used.cpu_percent,
                    memory_bytes=used.memory_bytes, key_ids=self._keyring.ids,
                )  # fmt: skip
                await self._say()
            await asyncio.sleep(ANNOUNCE_S)

    async def _say(self) -> None:
        await terms.announce(self._client, self._keys, tasks.registered())
        await queues.announce(self._client, self._keys, self._info)

    async def _look_for_queues(self) -> None:
        """Serve each queue that is submitted to: there is no other worker to do it."""
        while True:
            with contextlib.suppress(*scripts.TROUBLE):
                for name in await queues.names(self._client, self._keys):
                    if name not in self._info.queues:
                        self._info = replace(self._info, queues=(*self._info.queues, name))
                        await self._duties.serve_also(QueueRef(name, self._keys.queue(name)))
                        await queues.announce(self._client, self._keys, self._info)
            await asyncio.sleep(LOOK_S)

    async def _again_and_again(self, duty: Any) -> None:
        """What an engine's process is replaced for is begun again here."""
        while True:
            work: Coroutine[Any, Any, None] = duty()
            try:
                await work
            except Exception:
                logger.exception("The worker in this process failed, and goes on.")
            await asyncio.sleep(AGAIN_S)


class SharedRunner(NativeRunner):
    """Runs everything in threads of this process, registered functions as they are registered when a job begins."""

    def __init__(self, here: Here, *, client: Any, threads: Threads, listener: Any, desks: Desks) -> None:
        super().__init__(
            here, client=client, children=threads, tasks={}, listener=listener, on_stuck=lambda: None, desks=desks
        )

    def _begin(self, attempt: Attempt) -> int:
        if attempt.name:
            task = tasks.lookup(attempt.name)
            if task is None:
                raise unknown(attempt.name)
            if task.options:
                attempt.options = Options.from_wire(attempt.header.get("opt", {}), check(**task.options))
        self._listener.open(attempt.claim.job_id, attempt.claim.fence)
        return self._begin_in_child(attempt)

    def _place_of(self, attempt: Attempt) -> RunIn:
        task = tasks.lookup(attempt.name) if attempt.name else None
        if task is not None:
            return "async" if tasks.is_async(task.fn) else "process"
        return super()._place_of(attempt)
