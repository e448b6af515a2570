"""The parent of a worker's engines: starts them, keeps their leases, gives back the jobs of those that die."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbqueue.broker.connection import check_connection, explain, open_redis
from nbqueue.broker.handshake import agree
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE
from nbqueue.broker.signing import Keyring
from nbqueue.errors import AccessDenied, BrokerUnavailable, ConfigurationError
from nbqueue.worker import log_lines
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.leases import Leases
from nbqueue.worker.link import EXIT_NO_MODULE, Link

logger = logging.getLogger("nbqueue.worker")

#: an engine that dies younger than this waits before it is started again
YOUNG_S = 5.0
MOST_WAIT_S = 10.0
#: a look that is late by more than this has slept
SLEPT_S = 1.0
#: an engine may take this long to import its modules before its first sign of life
START_S = 120.0
#: after the second signal engines get this long
HURRY_S = 1.5
#: what engines get on top of the drain time to put their jobs back
PUT_BACK_S = 5.0
#: how long the last words of an engine that is gone are waited for: they are here, or it never said them
LAST_WORDS_S = 0.5
#: how long giving back a dead engine's jobs may take; then its lease ends anyway
GIVE_BACK_S = 2.0

EXIT_FAILED = 1
EXIT_REFUSED = 2


@dataclass(slots=True)
class Engine:
    """An engine's process, seen from its supervisor."""

    id: str
    process: asyncio.subprocess.Process
    link: Link
    born_at: float
    beat_at: float
    #: the job that keeps its loop from turning, as far as it can tell
    hog: str = ""
    #: the exit code it said it would end with; None: something ended it
    planned: int | None = None


class Supervisor:
    """Runs until told to stop; no user code ever runs in it."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._keys = Keys(config.namespace)
        self._client: Any = open_redis(config.address, name="nbqueue-worker-supervisor")
        self._engines: dict[str, Engine] = {}
        self._leases = Leases(self._client, self._keys, self._alive)
        self._signals = 0
        self._code = 0
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> int:
        """Serve; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            if not await self._reach_server():
                return 0
        except (AccessDenied, ConfigurationError) as error:
            logger.error("%s", error)  # noqa: TRY400 - one sentence, no traceback
            return EXIT_REFUSED
        keeper = asyncio.create_task(self._leases.keep())
        keeper.add_done_callback(self._on_keeper_end)
        slots = [asyncio.create_task(self._tend(number)) for number in range(self._config.engines)]
        await asyncio.gather(*slots)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await self._client.aclose()
        return self._code

    def _alive(self) -> list[str]:
        return [engine.id for engine in self._engines.values() if engine.process.returncode is None]

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
                await _first(self._stopping.wait(), asyncio.sleep(5.0))
            else:
                await self._agree_on_key()
                return True
        return False

    async def _agree_on_key(self) -> None:
        """Refuse to take jobs that were signed with another key: they would fail here. Those of arq are not signed."""
        if self._config.stock:
            return
        try:
            await agree(self._client, self._keys, Keyring.load(Path(self._config.key_file)))
        except TROUBLE as error:
            logger.warning("The key cannot be compared with that of the jobs: %s", explain(error, self._config.address))

    async def _tend(self, number: int) -> None:
        """Keep one engine running until the worker stops."""
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping.is_set():
            engine = await self._start(number)
            code = await self._follow(engine)
            await self._bury(engine)
            if engine.planned == EXIT_NO_MODULE:
                self._code = EXIT_REFUSED
                self._stopping.set()
            if self._stopping.is_set() or (self._config.burst and engine.planned == 0):
                return
            failures = failures + 1 if loop.time() - engine.born_at < YOUNG_S else 0
            logger.warning("Engine %s ended (%s); starting another.", engine.id, _ending(code))
            wait_s = min(0.5 * 2 ** (failures - 1), MOST_WAIT_S) if failures > 1 else 0
            await _first(self._stopping.wait(), asyncio.sleep(wait_s))

    async def _start(self, number: int) -> Engine:
        ours, theirs = socket.socketpair()
        engine_id = f"{_host()}-{os.getpid()}-{number}-{secrets.token_hex(4)}"
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "nbqueue.worker.process", str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),), process_group=0,
                env={name: value for name, value in os.environ.items() if name != "NBQUEUE_URL"},
            )  # fmt: skip
        now = asyncio.get_running_loop().time()
        engine = Engine(engine_id, process, await Link.over(ours), now, now + START_S)
        self._engines[engine_id] = engine
        await self._open_lease(engine_id)
        engine.link.say("config", engine=engine_id, config=self._config.of_engine(number).to_wire())
        return engine

    async def _open_lease(self, engine_id: str) -> None:
        try:
            await self._leases.begin(engine_id)
        except TROUBLE as error:
            logger.warning("The lease of %s waits for the server: %s", engine_id, error)

    async def _follow(self, engine: Engine) -> int:
        """Wait for an engine's end, replacing it when it shows no life, draining it when we stop."""
        listener = asyncio.create_task(self._listen(engine))
        watcher = asyncio.create_task(self._watch(engine))
        drainer = asyncio.create_task(self._drain(engine))
        try:
            code = await engine.process.wait()
            await asyncio.wait((listener,), timeout=LAST_WORDS_S)
            return code
        finally:
            for task in (listener, watcher, drainer):
                task.cancel()
            await asyncio.gather(listener, watcher, drainer, return_exceptions=True)

    async def _listen(self, engine: Engine) -> None:
        async for word in engine.link.words():
            if word["word"] == "end":
                engine.planned = word["code"]
                return
            engine.hog = word.get("job", "")
            if not engine.hog:
                engine.beat_at = asyncio.get_running_loop().time()

    async def _watch(self, engine: Engine) -> None:
        now, pause_s = asyncio.get_running_loop().time, min(self._config.stall_s / 4, 1.0)
        while True:
            looked_at = now()
            await asyncio.sleep(pause_s)
            if now() - looked_at > pause_s + SLEPT_S:
                engine.beat_at = now()  # we slept ourselves, and so may the engine have
            silent_s = now() - engine.beat_at
            if silent_s > self._config.stall_s:
                logger.error("Engine %s was silent for %.1f s: code in it does not yield.", engine.id, silent_s)
                engine.process.kill()
                return

    async def _drain(self, engine: Engine) -> None:
        """Let it finish, then hand back, then end it; in haste leave out what takes time."""
        await self._stopping.wait()
        engine.link.say("drain")
        await _first(self._hurry.wait(), asyncio.sleep(self._config.drain_timeout_s))
        if not self._hurry.is_set():
            engine.link.say("stop")
            await _first(self._hurry.wait(), asyncio.sleep(PUT_BACK_S))
        engine.link.say("kill")
        await asyncio.sleep(HURRY_S)
        engine.process.kill()

    async def _bury(self, engine: Engine) -> None:
        """Give back at once what a dead engine held."""
        del self._engines[engine.id]
        engine.link.close()
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                returned = await self._leases.give_back(
                    [engine.id], charged=not self._stopping.is_set(), guilty=engine.hog
                )
        except TROUBLE as error:
            logger.warning("The jobs of %s come back when its lease ends: %s", engine.id, error)
            return
        if returned:
            logger.warning("Gave back %d jobs of engine %s.", returned, engine.id)


def main(config: WorkerConfig) -> int:
    """Run a worker in this process until it is told to stop; the exit code."""
    log_lines.set_up(config.log_format)
    return asyncio.run(_run(config))


async def _run(config: WorkerConfig) -> int:
    return await Supervisor(config).run()


async def _first(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _host() -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:40]


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
