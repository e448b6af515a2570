"""The parent of a worker's engines: starts them, keeps their leases, gives back the jobs of those that die."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nbqueue.broker import rights
from nbqueue.broker.connection import check_connection, explain, open_redis
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE
from nbqueue.errors import AccessDenied, BrokerUnavailable, ConfigurationError
from nbqueue.model import log_lines
from nbqueue.worker import charge, health
from nbqueue.worker.charge import Charge, Orders, first
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.crew import Crew
from nbqueue.worker.following import Following
from nbqueue.worker.key_watch import KeyWatch
from nbqueue.worker.leases import Leases
from nbqueue.worker.link import EXIT_NO_MODULE
from nbqueue.worker.reloading import Reloading

logger = logging.getLogger("nbqueue.worker")

#: an engine that dies younger than this waits before it is started again
YOUNG_S = 5.0
MOST_WAIT_S = 10.0
#: how long giving back a dead engine's jobs may take; then its lease ends anyway
GIVE_BACK_S = 2.0

#: how soon a duty begins again that failed
PERSIST_S = 5.0

EXIT_FAILED = 1
EXIT_REFUSED = 2


class Supervisor:
    """Runs until told to stop; no user code ever runs in it."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._keys = Keys(config.namespace)
        self._client: Any = open_redis(config.address, name="nbqueue-worker-supervisor")
        #: id -> engine, and its number
        self._engines: dict[str, tuple[int, Charge]] = {}
        self._leases = Leases(self._client, self._keys, self._alive)
        self._orders = Orders(drain_timeout_s=config.drain_timeout_s, stall_s=config.stall_s)
        self._stopping, self._hurry = self._orders.stopping, self._orders.hurry
        self._crew = Crew(config.span)
        self._key = KeyWatch(self._client, self._keys, Path(config.key_file))
        self._reloading = Reloading(config.modules, self._renew) if config.reload else None
        self._signals = self._code = self._restarts = 0
        #: the fault of all engines alike that was told last
        self._told = ""

    async def run(self) -> int:
        """Serve; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            async with health.listening(self._config.health, self._health):
                if not await self._reach_server():
                    return 0
                await self._serve()
                if self._config.burst and not self._config.stock:
                    await self._key.tell_of_left(self._config.queues)
        except (AccessDenied, ConfigurationError) as error:
            logger.error("%s", error)  # noqa: TRY400 - one sentence, no traceback
            return EXIT_REFUSED
        await self._client.aclose()
        return self._code

    async def _serve(self) -> None:
        """Keep leases and engines until all engines have ended."""
        keeper = asyncio.create_task(self._leases.keep())
        keeper.add_done_callback(self._on_keeper_end)
        beside = [keeper, *(asyncio.create_task(persist(duty)) for duty in self._beside())]
        await asyncio.gather(*(asyncio.create_task(self._tend(number)) for number in range(self._config.span.most)))
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)

    def _beside(self) -> list[Callable[[], Awaitable[None]]]:
        """What else it does, as it was told."""
        config = self._config
        found: list[Callable[[], Awaitable[None]]] = [] if config.stock else [self._key.watch]
        if config.span.least < config.span.most:
            found.append(Following(self._client, self._keys, config, self._crew, self._busy).follow)
        if self._reloading is not None:
            found.append(self._reloading.watch)
        return found

    def _alive(self) -> list[str]:
        return [engine.id for _, engine in self._engines.values() if engine.process.returncode is None]

    def _busy(self) -> dict[int, tuple[int, int]]:
        """What runs in the engines that claim more."""
        return {number: engine.busy for number, engine in self._engines.values() if not engine.is_renewed}

    def _health(self) -> health.Health:
        engines = [engine for _, engine in self._engines.values()]
        busy = (sum(engine.busy[0] for engine in engines), sum(engine.busy[1] for engine in engines))
        return health.Health(
            stopping=self._stopping.is_set(), connected=self._leases.are_kept, wanted=self._crew.size,
            engines=sum(engine.is_up for engine in engines), busy=busy,
            slots=(self._config.concurrency, self._config.slots), restarts=self._restarts,
            lacked_key=self._key.lacked, refusal=self._leases.refusal,
        )  # fmt: skip

    def _on_keeper_end(self, keeper: asyncio.Task[None]) -> None:
        """Without leases others run our jobs again: stop at once."""
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            logger.critical("The leases are kept no longer; the worker ends.", exc_info=error)
            self._code = EXIT_FAILED
            self._hurry.set()
            self._stopping.set()

    def _on_signal(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1 or number == signal.SIGHUP:
            self._hurry.set()
        plan = "stopping now" if self._hurry.is_set() else "finishing what runs"
        logger.info("%s: %s", signal.Signals(number).name, plan)
        self._stopping.set()

    async def _reach_server(self) -> bool:
        """Wait for the server as long as it takes; False when told to stop meanwhile."""
        while not self._stopping.is_set():
            try:
                await check_connection(self._client, self._config.address, timeout_s=5.0)
            except AccessDenied:
                raise
            except BrokerUnavailable as error:
                logger.warning("Waiting for the server: %s", error)
                await first(self._stopping.wait(), asyncio.sleep(5.0))
            else:
                await self._check_rights()
                await self._agree_on_key()
                return True
        return False

    async def _check_rights(self) -> None:
        """Refuse to go on as a user who may not do what a worker does: it would never serve."""
        if self._config.stock:
            return
        try:
            missing = await rights.refused(self._client, self._keys, "worker")
        except TROUBLE:
            return  # what keeps from asking is told by what comes next
        if missing:
            raise AccessDenied(
                f"The user of this worker may not do at {self._config.address} what a worker does: it lacks "
                f"{rights.some(missing)}. `nbqueue acl --role worker` prints the rights of a user who may."
            )

    async def _agree_on_key(self) -> None:
        """Refuse to take jobs that were signed with another key: they would fail here. Those of arq are not signed."""
        if self._config.stock:
            return
        try:
            await self._key.agree()
        except TROUBLE as error:
            logger.warning("The key cannot be compared with that of the jobs: %s", explain(error, self._config.address))

    async def _tend(self, number: int) -> None:
        """Keep one engine running, while it is wanted, until the worker stops."""
        loop = asyncio.get_running_loop()
        failures = 0
        #: one before that finishes what runs in it
        leaving: asyncio.Task[int] | None = None
        while await self._is_called(number):
            engine = await self._start(number)
            ended = asyncio.create_task(self._see_out(engine, number))
            if self._config.of_engine(number).may_overlap:
                await first(asyncio.shield(ended), _makes_room(engine, leaving))
                if not ended.done():
                    leaving = ended
                    continue
            code = await ended
            if self._is_last(engine):
                break
            failures = failures + 1 if loop.time() - engine.born_at < YOUNG_S and not engine.is_renewed else 0
            self._restarts += 1
            if not engine.is_renewed and engine.planned != EXIT_NO_MODULE:
                logger.warning("Engine %s ended (%s); starting another.", engine.id, charge.ending(code))
            wait_s = min(0.5 * 2 ** (failures - 1), MOST_WAIT_S) if failures > 1 else 0
            await first(self._stopping.wait(), asyncio.sleep(wait_s))
        if leaving is not None:
            await leaving

    async def _is_called(self, number: int) -> bool:
        """Wait until an engine is wanted; False when the worker stops or has nothing left to do."""
        await first(self._stopping.wait(), self._crew.called(number))
        if self._reloading is not None:
            await first(self._stopping.wait(), self._reloading.sound())
        return not (self._stopping.is_set() or self._crew.is_over)

    def _is_last(self, engine: Charge) -> bool:
        """Whether none is to come after one that has ended."""
        if engine.planned == EXIT_NO_MODULE and not self._config.reload:
            self._code = EXIT_REFUSED
            self._stopping.set()
        if self._config.burst and engine.planned == 0 and not engine.is_renewed:
            self._crew.finish()
            return True
        return self._stopping.is_set()

    async def _see_out(self, engine: Charge, number: int) -> int:
        """Be with an engine until it has ended and its jobs are given back; the exit code."""
        dismissing = asyncio.create_task(self._dismiss(engine, number))
        try:
            code = await engine.follow()
        finally:
            dismissing.cancel()
        await self._bury(engine)
        if engine.fault != self._told:
            self._told = engine.fault
            if engine.fault:
                logger.critical("%s", engine.fault)
        if engine.planned == EXIT_NO_MODULE and self._reloading is not None:
            await first(self._stopping.wait(), self._reloading.changed())
        return code

    async def _dismiss(self, engine: Charge, number: int) -> None:
        await self._crew.dismissed(number)
        engine.dismissed.set()

    async def _start(self, number: int) -> Charge:
        engine = await charge.start(number, self._orders)
        try:
            await self._leases.begin(engine.id)
        except TROUBLE as error:
            logger.warning("The lease of %s waits for the server: %s", engine.id, error)
        # not before: the next pass would find a lease that never began lost
        self._engines[engine.id] = (number, engine)
        engine.link.say("config", engine=engine.id, config=self._config.of_engine(number).to_wire())
        return engine

    def _renew(self) -> None:
        """Let the engines make room for those of the new code."""
        for _, engine in self._engines.values():
            engine.outdated.set()

    async def _bury(self, engine: Charge) -> None:
        """Give back at once what a dead engine held."""
        del self._engines[engine.id]
        engine.link.close()
        # who ended as it had said lost nothing through a fault of its jobs
        charged = not (self._stopping.is_set() or engine.is_renewed or engine.planned == 0)
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                returned = await self._leases.give_back([engine.id], charged=charged, guilty=engine.hog)
        except TROUBLE as error:
            logger.warning("The jobs of %s come back when its lease ends: %s", engine.id, error)
            return
        if returned:
            logger.warning("Gave back %d jobs of engine %s.", returned, engine.id)


async def persist(duty: Callable[[], Awaitable[None]], again_s: float = PERSIST_S) -> None:
    """Do what never ends, through errors that nobody thought of: they are told of, and it begins anew."""
    while True:
        try:
            await duty()
        except Exception:
            logger.exception("A duty of the worker failed; it begins again in %.0f s.", again_s)
        await asyncio.sleep(again_s)


async def _makes_room(engine: Charge, leaving: asyncio.Task[int] | None) -> None:
    """Wait until another may begin in its place: it claims no more, and the one before it has ended."""
    await first(engine.spent.wait(), engine.dismissed.wait(), engine.outdated.wait())
    if leaving is not None:
        await asyncio.wait([leaving])


def main(config: WorkerConfig) -> int:
    """Run a worker in this process until it is told to stop; the exit code."""
    log_lines.set_up(config.log_format)
    return asyncio.run(_run(config))


async def _run(config: WorkerConfig) -> int:
    return await Supervisor(config).run()
