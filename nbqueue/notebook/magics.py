"""`%nbqueue`: a few words for what is asked most; each is thin over the client and the local stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from nbqueue.client.handle import Job
from nbqueue.client.known import jobs
from nbqueue.client.pending import Pending
from nbqueue.client.schedule import Schedule
from nbqueue.client.schedule_list import schedules
from nbqueue.display import wording
from nbqueue.display.table import Table
from nbqueue.errors import NbqueueError
from nbqueue.inside import cells
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from nbqueue.notebook import listing, nesting, searching, server
from nbqueue.notebook.publish import shell
from nbqueue.notebook.slips import in_one_line, refuse, say

T = TypeVar("T")

#: jobs that `%nbqueue jobs` lists, and lines that `%nbqueue logs` prints
NEWEST, LOG_LINES = 20, 100
#: columns of the history that `%nbqueue history` shows
OF_HISTORY = (
    "job", "attempt", "state", "function", "label", "queue", "wait_s", "duration_s", "finished_at", "worker", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verb:
    """One word after %nbqueue."""

    #: what it takes after it, as written in the help
    takes: str
    help: str
    act: Callable[[Sequence[str]], Any]
    #: how many words it takes
    least: int = 0
    most: int = 0
    #: words that it may be given
    example: str = ""


def nbqueue(line: str) -> Any:
    """Ask and steer the job queue: `%nbqueue VERB ...`."""
    name, *words = searching.split(line) or ["help"]
    if _HELP.intersection((name, *words)):
        name, words = "help", [name] if name in VERBS else []
    verb = _verb(name)
    if not verb.least <= len(words) <= verb.most:
        refuse(_use(name))
    try:
        return verb.act(words)
    except NbqueueError as error:
        in_one_line(error)
        raise


def _status(_: Sequence[str]) -> Table | None:
    settings, now = server.settings(), datetime.now(UTC)
    if server.is_up() and (warning := server.warning()):
        say(warning)
    if settings.url is None:
        return listing.stack(stack.status(settings), now=now)
    running, queued = server.engines(), server.queue_stats()
    waiting = sum(stats.queued + stats.scheduled for stats in queued)
    say(f"The server of NBQUEUE_URL answers: {len(running):,} workers, {waiting:,} jobs waiting.")
    return None


def _jobs(words: Sequence[str]) -> Table | None:
    given = searching.read("jobs", words)
    if given.ids or (given.limit or 1) < 1:
        refuse(_use("jobs"))

    def table() -> Table:
        most = given.limit or NEWEST
        last = (jobs.where(**given.narrow, limit=most) if given.narrow else jobs.recent(most)).wait()
        standing = server.standing(last.records)
        found = listing.jobs(last.records, now=server.now(), of=last.words, standing=standing, is_cut=last.is_cut)
        return replace(found, note=listing.MORE_FOUND) if given.narrow and last.is_cut else found

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
    if verb not in OF_SCHEDULES or not names:
        refuse(f"Use it as: %nbqueue schedules [{'|'.join(OF_SCHEDULES)} NAME ...]")

    def said() -> None:
        for name in names:
            answer = OF_SCHEDULES[verb](schedules[name]).wait()
            say(f"{name}: {f'job {answer.id}' if isinstance(answer, Job) else 'done'}")

    return _where_up(said)


def _cancel(words: Sequence[str]) -> None:
    _many("cancel", words, lambda job_id: str(Job[object](job_id).cancel().wait()))


def _retry(words: Sequence[str]) -> None:
    _many("retry", words, lambda job_id: f"job {Job[object](job_id).retry().wait().id}")


def _delete(words: Sequence[str]) -> None:
    _many("delete", words, lambda job_id: Job[object](job_id).delete().wait())


def _requeue(words: Sequence[str]) -> None:
    _many("requeue", words)


def _many(verb: Literal["cancel", "retry", "delete", "requeue"], words: Sequence[str],
          one: Callable[[str], str] | None = None) -> None:  # fmt: skip
    """Do it to all that are found; to each that is named by itself, where `one` does that."""
    given = searching.read(verb, words)
    if bool(given.ids) == bool(given.narrow):
        refuse(_use(verb))

    def said() -> None:
        given.ids = _meant(given.ids) if given.ids else []
        if given.narrow or given.dry_run or one is None:
            searching.act(verb, given)
            return
        for job_id in given.ids:
            say(f"{job_id}: {one(job_id)}")

    _where_up(said)


def _take(words: Sequence[str]) -> None:
    """What a %%job cell hands back, once more: after a restart, or in another notebook."""

    def said() -> None:
        found: dict[str, Any] = {}
        with cells.taking(found):
            Job[object](*_meant(words)).wait()
        shell().user_ns.update(found)
        say(f"Assigned: {', '.join(found)}." if found else "It hands nothing back: its cell had no -o.")

    _where_up(said)


def _logs(words: Sequence[str]) -> None:
    def said() -> None:
        lines = wording.tail(Job[object](*_meant(words)).logs().wait(), LOG_LINES, limit=1000)
        say("\n".join(lines) or "It has written nothing so far.")

    _where_up(said)


def _history(words: Sequence[str]) -> Any:
    """The newest attempts as a frame; nbqueue.history() has all columns and filters."""
    number = words[0] if words else str(NEWEST)
    if not number.isdecimal() or int(number) < 1:
        refuse(f"%nbqueue history takes a number of attempts, and {number!r} is none.")
    package = sys.modules[__name__.partition(".")[0]]
    return _where_up(lambda: package.history(limit=int(number)).wait()[list(OF_HISTORY)])


def _nest(_: Sequence[str]) -> None:
    nesting.allow_nested()
    say("asyncio.run() and run_until_complete() work in cells now, until the kernel is restarted.")


def _up(_: Sequence[str]) -> Table:
    return listing.stack(server.start(_local("up")), now=datetime.now(UTC))


def _down(_: Sequence[str]) -> None:
    before = stack.stop(_local("down"))
    ran = [name for name, part in (("server", before.server), ("worker", before.worker)) if part.running]
    say(f"Stopped: {' and '.join(ran)}. {stack.KEPT}" if ran else "Nothing was running.")


def _dashboard(_: Sequence[str]) -> None:
    from nbqueue.notebook.board.dashboard import dashboard  # much to load, and seldom asked for

    dashboard().show()


def _help(words: Sequence[str]) -> None:
    if not words:
        say(_verbs())
        return
    name, verb = words[0], _verb(words[0])
    example = f"\n\nFor example: %nbqueue {name} {verb.example}" if verb.example else ""
    options = f"\n\nOptions:\n{searching.help_of(name)}" if name in searching.VERBS else ""
    by_label = f"\n\n{_BY_LABEL}" if verb.takes.startswith("ID") else ""
    say(f"{f'%nbqueue {name} {verb.takes}'.rstrip()}\n    {verb.help}{options}{by_label}{example}")


def _use(name: str) -> str:
    return f"Use it as: %nbqueue {name} {VERBS[name].takes}".rstrip()


def _verb(name: str) -> Verb:
    if name not in VERBS:
        refuse(f"%nbqueue {name} is not known: use one of {', '.join(VERBS)}.")
    return VERBS[name]


def _verbs() -> str:
    """Each verb in a line, and examples of those that take something."""
    width = max(len(f"{name} {verb.takes}") for name, verb in VERBS.items())
    lines = [f"    {f'{name} {verb.takes}':<{width}}  {verb.help}" for name, verb in VERBS.items()]
    examples = [f"    %nbqueue {name} {verb.example}" for name, verb in VERBS.items() if verb.example]
    more = (_BY_LABEL, "The Tab key offers verbs, ids, labels and schedules.")
    return "\n".join(["Verbs:", *lines, "", "For example:", *examples, "", *more])


#: asks for help, as in a shell
_HELP = frozenset({"-h", "--help"})
_BY_LABEL = f"ID is the id of a job, or its label where it is one of the last {NEWEST} jobs of this notebook."
_MANY = 1000
OF_SCHEDULES: dict[str, Callable[[Schedule[object]], Pending[Any]]] = {
    "pause": Schedule.pause, "resume": Schedule.resume, "trigger": Schedule.trigger, "delete": Schedule.delete,
}  # fmt: skip
VERBS = {
    "status": Verb("", "the server and the worker, and whether they run", _status),
    "jobs": Verb("[OPTIONS]", "the last jobs of this notebook, or all that options are true of", _jobs, 0, _MANY,
                 "--state failed --since 7d"),
    "queues": Verb("", "what waits, runs and ended, by queue", _queues),
    "workers": Verb("", "the workers that run now", _workers),
    "schedules": Verb(
        "[STEP NAME ...]", f"jobs that come again and again; STEP: {', '.join(OF_SCHEDULES)}", _schedules, 0, _MANY,
        "pause nightly",
    ),
    "history": Verb("[N]", f"the last attempts, as a pandas frame; {NEWEST} if not given", _history, 0, 1, "100"),
    "cancel": Verb("ID ... | OPTIONS", "stop jobs", _cancel, 1, _MANY, "4f0c2a91 training"),
    "retry": Verb("ID ... | OPTIONS", "run jobs that have ended once more, as new jobs", _retry, 1, _MANY,
                  "--error TimeoutError --since 2h"),
    "requeue": Verb("ID ... | OPTIONS", "move what waits, and retry what did not succeed, into a queue", _requeue, 1,
                    _MANY, "--queue night --to default"),
    "delete": Verb("ID ... | OPTIONS", "forget jobs; those that run go on", _delete, 1, _MANY,
                   "--state cancelled --dry-run"),
    "logs": Verb("ID", "the last lines of a job's log", _logs, 1, 1, "training"),
    "take": Verb("ID", "assign what a %%job cell hands back, also after a restart", _take, 1, 1, "training"),
    "nest": Verb("", "let cells call asyncio.run() and run_until_complete()", _nest),
    "up": Verb("", "start the local server and worker", _up),
    "down": Verb("", "end them; jobs that wait are kept", _down),
    "dashboard": Verb("", "queues, workers and jobs, live", _dashboard),
    "help": Verb("[VERB]", "this list, or more of one verb", _help, 0, 1, "cancel"),
}  # fmt: skip


nbqueue.__doc__ = f"{nbqueue.__doc__}\n\n{_verbs()}\n"


def _meant(words: Sequence[str]) -> list[str]:
    """The ids of jobs that are named by id, or by the label of one of the last jobs of this notebook."""
    recent = jobs.recent(NEWEST).wait().records
    known = {record.id for record in recent}
    found = []
    for word in words:
        ids = [record.id for record in recent if record.label == word and word not in known]
        if len(ids) > 1:
            refuse(f"{len(ids)} jobs are called {word}: name one by its id ({', '.join(ids)}).")
        found += ids or [word]
    return found


def _where_up(act: Callable[[], T]) -> T | None:
    """What `act` finds; asking must not start anything."""
    if server.is_up():
        return act()
    say(server.NOT_RUNNING)
    return None


def _local(verb: str) -> Settings:
    settings = server.settings()
    if settings.url is not None:
        refuse(f"%nbqueue {verb} is for the local stack, and NBQUEUE_URL names a server: it is run elsewhere.")
    return settings
