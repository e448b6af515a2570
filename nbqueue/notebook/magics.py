"""`%nbqueue`: a few words for what is asked most; each is thin over the client and the local stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from nbqueue.client.handle import Job
from nbqueue.client.origin import in_words, origin
from nbqueue.client.pending import Pending
from nbqueue.client.schedule import Schedule
from nbqueue.client.schedule_list import schedules
from nbqueue.client.selection import jobs
from nbqueue.errors import NbqueueError
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from nbqueue.notebook import listing, server, wording
from nbqueue.notebook.table import Table

#: jobs that `%nbqueue jobs` lists, and lines that `%nbqueue logs` prints
NEWEST, LOG_LINES = 20, 100

_NOTHING = "The local stack is not running: the first submit starts it, or %nbqueue up."


@dataclass(frozen=True, slots=True)
class Verb:
    """One word after %nbqueue."""

    #: what it takes after it, as written in the help
    takes: str
    help: str
    act: Callable[[Sequence[str]], Table | None]
    #: how many words it takes
    least: int = 0
    most: int = 0


def nbqueue(line: str) -> Table | None:
    """%nbqueue status|jobs|queues|workers|schedules|cancel ID|logs ID|up|down|help."""
    name, *words = line.split() or ["help"]
    verb = VERBS.get(name)
    if verb is None:
        _refuse(f"%nbqueue {name} is not known: use one of {', '.join(VERBS)}.")
    if not verb.least <= len(words) <= verb.most:
        _refuse(f"Use it as: %nbqueue {name} {verb.takes}".rstrip())
    try:
        return verb.act(words)
    except NbqueueError as error:
        _in_one_line(error)
        raise


def _status(_: Sequence[str]) -> Table | None:
    settings, now = server.settings(), datetime.now(UTC)
    if settings.url is None:
        return listing.stack(stack.status(settings), now=now)
    running, queued = server.engines(), server.queue_stats()
    waiting = sum(stats.queued + stats.scheduled for stats in queued)
    _say(f"The server of NBQUEUE_URL answers: {len(running):,} workers, {waiting:,} jobs waiting.")
    return None


def _jobs(_: Sequence[str]) -> Table | None:
    def table() -> Table:
        records = jobs.recent(NEWEST).wait().records
        offers = server.offers() if any(record.may_lack for record in records) else None
        return listing.jobs(records, now=datetime.now(UTC), of=in_words(origin()), offers=offers)

    return _where_up(table)


def _queues(_: Sequence[str]) -> Table | None:
    return _where_up(lambda: listing.queues(server.queue_stats()))


def _workers(_: Sequence[str]) -> Table | None:
    return _where_up(lambda: listing.workers(server.engines(), now=datetime.now(UTC)))


def _schedules(words: Sequence[str]) -> Table | None:
    """The table of all, or a verb for some."""
    if not words:
        return _where_up(lambda: listing.schedules(schedules.all().wait().records))
    verb, *names = words
    if verb not in _OF_SCHEDULES or not names:
        _refuse(f"Use it as: %nbqueue schedules {VERBS['schedules'].takes}")

    def said() -> None:
        for name in names:
            answer = _OF_SCHEDULES[verb](schedules[name]).wait()
            _say(f"{name}: {f'job {answer.id}' if isinstance(answer, Job) else 'done'}")

    return _where_up(said)


def _cancel(words: Sequence[str]) -> None:
    asked = [(job_id, Job[object](job_id).cancel()) for job_id in words]
    for job_id, pending in asked:
        _say(f"{job_id}: {pending.wait()}")


def _logs(words: Sequence[str]) -> None:
    lines = wording.tail(Job[object](words[0]).logs().wait(), LOG_LINES, limit=1000)
    _say("\n".join(lines) or "It has written nothing so far.")


def _up(_: Sequence[str]) -> Table:
    return listing.stack(server.start(_local("up")), now=datetime.now(UTC))


def _down(_: Sequence[str]) -> None:
    before = stack.stop(_local("down"))
    ran = [name for name, part in (("server", before.server), ("worker", before.worker)) if part.running]
    _say(f"Stopped: {' and '.join(ran)}. Jobs that wait are kept." if ran else "Nothing was running.")


def _dashboard(_: Sequence[str]) -> None:
    from nbqueue.notebook.board.dashboard import dashboard  # much to load, and seldom asked for

    dashboard().show()


def _help(_: Sequence[str]) -> None:
    width = max(len(f"{name} {verb.takes}") for name, verb in VERBS.items())
    _say("\n".join(f"%nbqueue {f'{name} {verb.takes}':<{width}}  {verb.help}" for name, verb in VERBS.items()))


_MANY = 1000
_OF_SCHEDULES: dict[str, Callable[[Schedule[object]], Pending[Any]]] = {
    "pause": Schedule.pause, "resume": Schedule.resume, "trigger": Schedule.trigger, "delete": Schedule.delete,
}  # fmt: skip
VERBS = {
    "status": Verb("", "the server and the worker, and whether they run", _status),
    "jobs": Verb("", "the last jobs of this notebook", _jobs),
    "queues": Verb("", "what waits, runs and ended, by queue", _queues),
    "workers": Verb("", "the workers that run now", _workers),
    "schedules": Verb("[pause|resume|trigger|delete NAME ...]", "jobs that come again and again", _schedules, 0, _MANY),
    "cancel": Verb("ID ...", "stop jobs", _cancel, 1, _MANY),
    "logs": Verb("ID", "the last lines of a job's log", _logs, 1, 1),
    "up": Verb("", "start the local server and worker", _up),
    "down": Verb("", "end them; jobs that wait are kept", _down),
    "dashboard": Verb("", "queues, workers and jobs, live", _dashboard),
    "help": Verb("", "this list", _help),
}


def _where_up(act: Callable[[], Table | None]) -> Table | None:
    """What `act` finds; asking must not start anything."""
    if server.is_up():
        return act()
    _say(_NOTHING)
    return None


def _local(verb: str) -> Settings:
    settings = server.settings()
    if settings.url is not None:
        _refuse(f"%nbqueue {verb} is for the local stack, and NBQUEUE_URL names a server: it is run elsewhere.")
    return settings


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")


def _refuse(words: str) -> NoReturn:
    from IPython.core.error import UsageError  # IPython is there where a magic is called

    raise UsageError(words)


def _in_one_line(error: NbqueueError) -> None:
    """The sentence says it all; a traceback through this package helps nobody."""
    line = f"{type(error).__name__}: {error}"
    error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
