"""nbqueue: functions registered on the worker, or coroutines and plain functions that travel by value."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import nbqueue
from benchmarks.peers.driving import CONCURRENCY, STAY_S, UNIX_URL, is_first_start, main
from nbqueue.broker import queues
from nbqueue.client.session import session


async def coroutine(number: int) -> int:
    """Do nothing, in a loop inside a child."""
    return number


def plain(number: int) -> int:
    """Do nothing, in a child that can be killed."""
    return number


def stay(ledger: str) -> None:
    """Stay in a child until killed; when run again, end at once."""
    if is_first_start(ledger):
        time.sleep(STAY_S)


#: what is submitted, by the variant's name
FUNCTIONS: dict[str, Callable[..., Any] | str] = {"name": "noop", "coroutine": coroutine, "sync": plain}


class Nbqueue:
    """Jobs by `submit_map`; the queue is held by its own pause."""

    distribution = "nbqueue"

    def __init__(self, variant: str) -> None:
        kind, _, slots = variant.partition(":")
        self.function = FUNCTIONS[kind]
        self.slots = slots or "1"
        self.queue = nbqueue.Queue()

    async def open(self) -> None:
        """Connect."""
        await self.left()

    async def fill(self, count: int) -> None:
        """Submit."""
        await nbqueue.submit_map(self.function, range(count))

    async def left(self) -> int:
        """What waits and what runs; asked often, and so past `stats()`, which looks at the history too."""
        return await session().begin(
            lambda link: link.wire.ask(lambda client: queues.live(client, link.wire.keys, self.queue.name)),
            what="asking what is left",
        )

    async def once(self, number: int) -> int:
        """One job's result."""
        job = await nbqueue.submit(self.function, number)
        return int(await job)

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays."""
        await nbqueue.submit(stay, ledger)

    async def hold(self) -> None:
        """Let no more jobs start."""
        await self.queue.pause()

    async def release(self) -> None:
        """Let jobs start."""
        await self.queue.resume()

    async def few_rows(self) -> None:
        """A little of the history: after this pandas is loaded."""
        await nbqueue.history(limit=10)

    async def history(self) -> int:
        """All of the history as a frame; its rows."""
        return len(await nbqueue.history())

    def work(self) -> None:
        """The command, as it is written in a terminal."""
        words = ["nbqueue", "worker", "benchmarks.peers.nbqueue_tasks", "--url", UNIX_URL, "--slots", self.slots]
        words += ["--concurrency", str(CONCURRENCY)]
        os.execv(sys.executable, [sys.executable, "-m", *words])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(Nbqueue(sys.argv[2]))
