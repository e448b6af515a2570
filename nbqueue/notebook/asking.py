"""What handles at the end of a cell ask the server: for a moment at most, and without starting anything."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from nbqueue.broker import holdup, queues, statistics
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client import attaching, hooks, scheduling
from nbqueue.client.attaching import Found
from nbqueue.client.link import Link
from nbqueue.client.origin import in_words, origin
from nbqueue.client.portal import check_outside
from nbqueue.client.session import Session, session
from nbqueue.errors import NbqueueError
from nbqueue.local import stack
from nbqueue.model.holdup import Standing, waiting
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.notebook.server import NOT_RUNNING, is_up

T = TypeVar("T")

#: a cell waits no longer than this for what it shows
PATIENCE_S = 1.0

_NO_WORKER = "The local worker is not running: the first submit starts it, or %nbqueue up."
_UNUSED = "Nothing was submitted in this process so far."


def answer(ask: Callable[[Link], Coroutine[Any, Any, T]]) -> T | str | None:
    """What was answered, or a sentence that says why nothing was; None in a job, which shows nothing."""
    if hooks.line() is not None:
        return None
    try:
        check_outside()
        here = session()
        return _lack(here) or _asked(here, ask)
    except NbqueueError as error:
        return str(error)


async def of_queue(link: Link, name: str) -> tuple[QueueStats, list[EngineInfo]]:
    """The numbers of a queue, and the engines that serve it."""

    async def found(client: Any) -> tuple[QueueStats, list[EngineInfo]]:
        engines = await queues.engines(client, link.wire.keys)
        stats = await statistics.stats(client, link.wire.keys, name)
        return stats, [engine for engine in engines if name in engine.queues]

    return await link.wire.ask(found)


async def of_schedule(link: Link, name: str) -> ScheduleRecord:
    """What is known of a schedule."""
    return (await scheduling.look_up(link, name)).record


async def of_schedules(link: Link) -> list[ScheduleRecord]:
    """What is known of all schedules."""
    return [found.record for found in await scheduling.look_up_all(link)]


async def of_jobs(link: Link, most: int) -> tuple[Found, Standing | None, str, datetime]:
    """The last jobs of this notebook, how things stand for those that wait, whose they are in words, and the time."""
    here = origin()
    last = await attaching.last_of(link, here, most, whole=False)
    jobs = waiting(last.records)
    standing = await link.wire.ask(lambda client: holdup.standing(client, link.wire.keys, jobs)) if jobs else None
    return last, standing, in_words(here), await link.time()


def _asked(here: Session, ask: Callable[[Link], Coroutine[Any, Any, T]]) -> T | str:
    future = here.call(ask)
    try:
        return future.result(PATIENCE_S)
    except TimeoutError:
        future.cancel()
        return f"The server did not answer within {PATIENCE_S:g} s."


def _lack(here: Session) -> str:
    """What does not run that asking would start; or nothing."""
    settings = here.settings
    if here.has_asked:
        return "" if is_up(settings) else NOT_RUNNING
    if settings.url is not None:
        return _UNUSED if settings.url.startswith("inline:") else ""
    if not is_up(settings):
        return NOT_RUNNING
    return "" if stack.status(settings).keeper.running else _NO_WORKER
