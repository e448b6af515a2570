"""An engine's process, seen from its supervisor: started, listened to, replaced when silent, drained, ended."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from nbqueue.worker.link import Link

logger = logging.getLogger("nbqueue.worker")

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


@dataclass(slots=True)
class Orders:
    """What holds for all engines of a worker."""

    #: it is to end: what runs may finish
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    #: now
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    #: seconds that running jobs get to finish
    drain_timeout_s: float = 30.0
    #: seconds without a sign of life after which an engine is replaced
    stall_s: float = 10.0


@dataclass(slots=True)
class Charge:
    """One engine."""

    id: str
    process: asyncio.subprocess.Process
    link: Link
    orders: Orders
    born_at: float
    beat_at: float
    #: whether it serves: it has shown a sign of life
    is_up: bool = False
    #: jobs that run in it, by lane, as it said last
    busy: tuple[int, int] = (0, 0)
    #: the job that keeps its loop from turning, as far as it can tell
    hog: str = ""
    #: the exit code it said it would end with; None: something ended it
    planned: int | None = None
    #: what keeps it from serving, as any other like it
    fault: str = ""
    #: it claims no more and ends when its jobs have, so that another takes its place
    spent: asyncio.Event = field(default_factory=asyncio.Event)
    #: it is not needed any more, and may finish what runs
    dismissed: asyncio.Event = field(default_factory=asyncio.Event)
    #: it is to be replaced; what runs gets the time to finish that a worker's end gives
    outdated: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_renewed(self) -> bool:
        """Whether it ends by plan while the worker goes on."""
        return self.spent.is_set() or self.dismissed.is_set() or self.outdated.is_set()

    async def follow(self) -> int:
        """Wait for its end, replacing it when it shows no life, draining it when it is to end; the exit code."""
        tasks = [
            asyncio.create_task(work) for work in (self._listen(), self._watch(), self._drain(), self._announce_end())
        ]
        try:
            code = await self.process.wait()
            await asyncio.wait(tasks[:1], timeout=LAST_WORDS_S)
            return code
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        async for word in self.link.words():
            if word["word"] == "end":
                self.planned = word["code"]
                return
            if word["word"] == "unfit":
                self.fault = word["why"]
                continue
            if word["word"] == "spent":
                logger.info("Engine %s is renewed: %s.", self.id, word["why"])
                self.spent.set()
                continue
            self.hog = word.get("job", "")
            if not self.hog:
                self.is_up, self.beat_at = True, asyncio.get_running_loop().time()
                self.busy = tuple(word.get("busy", (0, 0)))

    async def _watch(self) -> None:
        now, stall_s = asyncio.get_running_loop().time, self.orders.stall_s
        pause_s = min(stall_s / 4, 1.0)
        while True:
            looked_at = now()
            await asyncio.sleep(pause_s)
            if now() - looked_at > pause_s + SLEPT_S:
                self.beat_at = now()  # we slept ourselves, and so may the engine have
            silent_s = now() - self.beat_at
            if silent_s > stall_s:
                logger.error("Engine %s was silent for %.1f s: code in it does not yield.", self.id, silent_s)
                self.process.kill()
                return

    async def _announce_end(self) -> None:
        """Let it tell the others that its worker ends."""
        await self.orders.stopping.wait()
        self.link.say("ending")

    async def _drain(self) -> None:
        """Let it finish, then hand back, then end it; in haste leave out what takes time."""
        orders = self.orders
        await first(orders.stopping.wait(), self.dismissed.wait(), self.outdated.wait())
        self.link.say("drain")
        # who is not needed any more hurries nobody
        await first(orders.stopping.wait(), self.outdated.wait())
        await first(orders.hurry.wait(), asyncio.sleep(orders.drain_timeout_s))
        if not orders.hurry.is_set():
            self.link.say("stop")
            await first(orders.hurry.wait(), asyncio.sleep(PUT_BACK_S))
        self.link.say("kill")
        await asyncio.sleep(HURRY_S)
        self.process.kill()


async def start(number: int, orders: Orders) -> Charge:
    """An engine's process, which waits to be told what it is to serve."""
    ours, theirs = socket.socketpair()
    engine_id = f"{_host()}-{os.getpid()}-{number}-{secrets.token_hex(4)}"
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nbqueue.worker.process", str(theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),), process_group=0,
            env={name: value for name, value in os.environ.items() if name != "NBQUEUE_URL"},
        )  # fmt: skip
    now = asyncio.get_running_loop().time()
    return Charge(engine_id, process, await Link.over(ours), orders, now, now + START_S)


async def first(*waits: Awaitable[Any]) -> None:
    """Wait for one of them."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def ending(code: int) -> str:
    """How a process ended, in a word or two."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _host() -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:40]
