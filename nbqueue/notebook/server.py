"""What the magics ask the server; the one place of this room that waits for answers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from nbqueue.broker import every_queue, holdup, queues
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import memory
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.local import stack
from nbqueue.local.stack import StackStatus
from nbqueue.model.holdup import Standing, waiting
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings

T = TypeVar("T")

#: how long a worker that was just started is waited for, and how often it is looked for
WORKER_S, LOOK_S = 5.0, 0.05
#: what is said instead of an answer where asking would start the local stack
NOT_RUNNING = "The local stack is not running: the first submit starts it, or %nbqueue up."


def settings() -> Settings:
    """The settings in force."""
    return session().settings


def is_up(of: Settings | None = None) -> bool:
    """Whether asking would start nothing: a server was named, or the local one runs; of the settings in force."""
    found = of or settings()
    return found.url is not None or stack.server_is_up(found)


def start(local: Settings) -> StackStatus:
    """Start the local stack; how it stands once its worker, which comes last, runs too."""
    stack.ensure(local)
    began = time.monotonic()
    while not (found := stack.status(local)).worker.running and time.monotonic() - began < WORKER_S:
        time.sleep(LOOK_S)
    return found


def queue_stats() -> list[QueueStats]:
    """The numbers of all queues."""

    async def found(client: Any, keys: Keys) -> list[QueueStats]:
        return await every_queue.stats(client, keys)

    return _ask(found, "asking for the queues")


def warning() -> str:
    """That the server is nearly full, in a sentence; else nothing."""
    found = _ask(lambda client, _: memory(client), "asking how full the server is")
    return "" if found is None else found.warning


def now() -> datetime:
    """The server's time."""
    return session().begin(lambda link: link.time(), what="asking for the time").wait()


def engines() -> list[EngineInfo]:
    """The engines that hold a lease."""
    return _ask(queues.engines, "asking for the workers")


def queue_names() -> Pending[list[str]]:
    """The names of all queues; not waited for."""
    return session().begin(
        lambda link: link.wire.ask(lambda client: queues.names(client, link.wire.keys)), what="asking for the queues"
    )


def standing(records: Sequence[JobRecord]) -> Standing | None:
    """How things stand for those of some jobs that wait; None where none does."""
    jobs = waiting(records)
    if not jobs:
        return None
    return _ask(lambda client, keys: holdup.standing(client, keys, jobs), "asking what jobs wait for")


def _ask(act: Callable[[Any, Keys], Awaitable[T]], what: str) -> T:
    pending = session().begin(lambda link: link.wire.ask(lambda client: act(client, link.wire.keys)), what=what)
    return pending.wait()
