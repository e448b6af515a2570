"""The main program of an engine: it takes its orders from its supervisor and dies with it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import platform
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from nbqueue.broker import codec, handshake, queues, scripts, terms
from nbqueue.broker.connection import open_redis
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.children import exporting, lineage
from nbqueue.children.pool import Children
from nbqueue.model import log_lines
from nbqueue.model import task as tasks
from nbqueue.model.webhook import HostRules
from nbqueue.worker import importing
from nbqueue.worker.attempt import Here
from nbqueue.worker.beside import Beside
from nbqueue.worker.burst import Burst
from nbqueue.worker.charge import first
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.desks import Desks
from nbqueue.worker.duties import Duties
from nbqueue.worker.engine import Engine, QueueRef
from nbqueue.worker.life import Life
from nbqueue.worker.link import BEAT_S, EXIT_NO_MODULE, Link
from nbqueue.worker.machine import machine_id
from nbqueue.worker.native import NativeRunner
from nbqueue.worker.outbox import Outbox
from nbqueue.worker.reports import Reports
from nbqueue.worker.usage import Usage
from nbqueue.worker.watchman import Watchman

logger = logging.getLogger("nbqueue.worker")

#: an engine that ends to get rid of code that does not stop
EXIT_STUCK = 75
ANNOUNCE_S = 5.0
#: how long an engine with code that does not stop waits for the ends of its other jobs
LEAVE_S = 3.0


def main() -> None:
    """Serve until the supervisor says otherwise or is gone."""
    supervisor = os.getppid()
    if not lineage.die_with(supervisor):
        os.kill(os.getpid(), signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_lines.set_up()
    code = asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), supervisor))
    exporting.close()
    sys.exit(code)


async def _serve(end: socket.socket, supervisor: int) -> int:
    watchman = Watchman(asyncio.get_running_loop(), end.dup())
    turning = asyncio.create_task(watchman.watch())
    try:
        link = await Link.over(end)
        code = await _follow_orders(link, supervisor)
        # an exit code alone says nothing: code of the user's that runs here can end this process with any
        link.say("end", code=code)
        return code
    finally:
        turning.cancel()


async def _follow_orders(link: Link, supervisor: int) -> int:
    words = link.words()
    orders = await anext(words, None)
    if orders is None:
        return 0
    config = WorkerConfig.from_wire(orders["config"])
    log_lines.set_up(config.log_format)
    await asyncio.to_thread(exporting.set_up)  # exporters take their time to import
    if fault := next(filter(None, map(importing.fault, config.modules)), ""):
        link.say("unfit", why=fault)
        return EXIT_NO_MODULE
    # what is here stays, and need not be looked through again and again
    gc.collect()
    gc.freeze()
    if config.stock:
        from nbqueue.worker.stock_process import StockProcess

        return await StockProcess(config, orders["engine"], supervisor, link).run(words)
    process = EngineProcess(config, orders["engine"], supervisor, link)
    return await process.run(words)


class EngineProcess:
    """Wires the parts of an engine together and follows its supervisor's words."""

    def __init__(self, config: WorkerConfig, engine_id: str, supervisor: int, link: Link) -> None:
        self._config, self._link = config, link
        self._keys = Keys(config.namespace)
        self._client: Any = open_redis(config.address, name="nbqueue-worker")
        self._waiting_client: Any = open_redis(config.address, name="nbqueue-worker-wait")
        self._info = queues.EngineInfo(
            id=engine_id, host=platform.node(), pid=os.getpid(), supervisor=supervisor, machine=machine_id(),
            python=codec.header_versions()["py"], version=codec.header_versions()["v"], queues=config.queues,
            slots=config.slots, started_at=datetime.now(UTC), resources=config.resources, labels=config.labels,
            webhook_hosts=HostRules.of(config.webhook_hosts).patterns,
        )  # fmt: skip
        self._outbox = Outbox(Path(config.spill_dir or tempfile.gettempdir()))
        self._exit = asyncio.get_running_loop().create_future()
        #: its worker was told to end, which others are to know
        self._ending = asyncio.Event()
        #: whether it ends to make room for another, which has been told
        self._retired = False

    async def run(self, words: Any) -> int:
        """Serve; the exit code."""
        self._tasks = registered = dict(tasks.registered())
        keyring = Keyring.load(Path(self._config.key_file))
        reports = Reports(keyring, self._keys)
        self._children = children = Children(
            reports, slots=self._config.slots, loop_slots=self._config.concurrency, modules=self._config.modules,
            result_limit_bytes=self._config.limit_bytes,
        )  # fmt: skip
        await children.start()
        here = Here(
            keyring, self._keys, self._info.id, self._info.host, self._config.limit_bytes, Random(),  # noqa: S311 - jitter
            codec.header_versions(), self._config.only_registered, self._config.cpus, self._config.blob_bytes,
        )  # fmt: skip
        where = (self._config.address, keyring, self._config.namespace)
        desks = Desks(where, children, self._config.limit_bytes, self._config.blob_bytes)
        runner = NativeRunner(
            here, client=self._client, children=children, tasks=registered, listener=reports, on_stuck=self._on_stuck,
            desks=desks,
        )  # fmt: skip
        engine = self._engine(runner, reports)
        runner.life = Life(self._config.log_rate)
        runner.on_end, desks.on_rest, desks.on_back = engine.end, engine.slots.rest, engine.slots.back
        engine.lacks = runner.lacking.of
        self._info = replace(self._info, functions=tuple(registered), only_registered=self._config.only_registered)
        beside = Beside(self._config, self._client, self._keys, keyring, self._info.id)
        self._word = beside.messenger
        serving = asyncio.create_task(self._serve(engine, Duties(engine, self._waiting_client, beside=beside.duties)))
        announcing = asyncio.create_task(self._announce(engine, keyring))
        following = asyncio.create_task(self._follow(words, engine, runner))
        bursting = asyncio.create_task(self._burst(engine, keyring)) if self._config.burst else None
        serving.add_done_callback(self._on_served)
        try:
            code: int = await self._exit
            if code == EXIT_STUCK:
                await self._leave_in_order(engine, runner)
            return code
        finally:
            for duty in filter(None, (serving, announcing, following, bursting)):
                duty.cancel()
            await children.close()
            await desks.close()
            self._outbox.close()

    async def _serve(self, engine: Engine, duties: Duties) -> None:
        """Do what an engine does, and show signs of life only as long as that is done."""
        beating = asyncio.create_task(self._beat(engine))
        try:
            await duties.serve()
        finally:
            beating.cancel()

    def _engine(self, runner: NativeRunner, reports: Reports) -> Engine:
        config = self._config
        return Engine(
            client=self._client, keys=self._keys, engine_id=self._info.id,
            queues=[QueueRef(name, self._keys.queue(name), share=config.share(name)) for name in config.queues],
            runner=runner, outbox=self._outbox, reports=reports,
            loop_slots=config.concurrency, process_slots=config.slots,
            strict=config.strict, offers=config.offers,
        )  # fmt: skip

    async def _follow(self, words: Any, engine: Engine, runner: NativeRunner) -> None:
        async for word in words:
            if word["word"] == "ending":
                self._ending.set()
            elif word["word"] == "drain":
                engine.drain()
                asyncio.get_running_loop().create_task(self._end_when_settled(engine))
            elif word["word"] == "stop":
                runner.stop_all("shutdown")
            elif word["word"] == "kill":
                runner.stop_all("shutdown")
                await self._children.close()
        os.kill(os.getpid(), signal.SIGKILL)

    async def _end_when_settled(self, engine: Engine) -> None:
        await engine.settled()
        await self._word.finish(due=False)
        self._end(0)

    async def _burst(self, engine: Engine, keyring: Keyring) -> None:
        await Burst(engine, self._client, self._keys, keyring).over()
        engine.drain()
        await self._word.finish(due=True)
        self._end(0)

    async def _leave_in_order(self, engine: Engine, runner: NativeRunner) -> None:
        """Give back what runs beside a job that does not stop, before this process ends."""
        engine.drain()
        runner.stop_all("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await engine.settled()

    async def _beat(self, engine: Engine) -> None:
        while True:
            self._link.say("beat", busy=engine.slots.under_way)
            if (most := self._config.max_jobs) and engine.slots.begun >= most:
                self._retire(engine, f"it has begun {engine.slots.begun:,} jobs")
            await asyncio.sleep(BEAT_S)

    def _retire(self, engine: Engine, why: str) -> None:
        """Claim no more and end when what runs has ended: another engine takes the place."""
        if not self._retired:
            self._retired = True
            self._link.say("spent", why=why)
            engine.drain()
            self._settling = asyncio.create_task(self._end_when_settled(engine))

    async def _announce(self, engine: Engine, keyring: Keyring) -> None:
        usage = Usage()
        while True:
            try:
                await terms.announce(self._client, self._keys, self._tasks)
                used = await asyncio.to_thread(usage.look)
                told = self._ending.is_set()
                info = replace(
                    self._info, cpu_percent=used.cpu_percent, memory_bytes=used.memory_bytes, draining=told,
                    lacked_key=await handshake.lacking(self._client, self._keys, keyring), key_ids=keyring.ids,
                )  # fmt: skip
                await queues.announce(self._client, self._keys, info)
                if (most := self._config.memory_bytes) and engine.slots.begun and used.memory_bytes > most:
                    self._retire(engine, f"its processes hold {used.memory_bytes // 10**6:,} MB")
                await (asyncio.sleep(ANNOUNCE_S) if told else first(asyncio.sleep(ANNOUNCE_S), self._ending.wait()))
            except scripts.TROUBLE:
                await asyncio.sleep(1.0)

    def _on_stuck(self) -> None:
        self._end(EXIT_STUCK)

    def _on_served(self, serving: asyncio.Task[None]) -> None:
        """Its duties end only after everything else; before, they failed, or code in the loop cancelled them."""
        if not self._exit.done():
            error = None if serving.cancelled() else serving.exception()
            logger.critical("The engine failed and is replaced.", exc_info=error)
            self._end(1)

    def _end(self, code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(code)


if __name__ == "__main__":
    main()
