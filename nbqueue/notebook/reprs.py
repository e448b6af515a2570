"""Values at the end of a cell: records, lists of them, and handles as they stand now, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import Any

from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.alerts import Alert
from nbqueue.client.known import Jobs
from nbqueue.client.queue import Queue
from nbqueue.client.schedule import Schedule
from nbqueue.client.schedule_list import ScheduleList, Schedules
from nbqueue.client.selection import Selection
from nbqueue.client.session import session
from nbqueue.display import ansi, wording
from nbqueue.display.table import Table
from nbqueue.errors import NbqueueError
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.delivery import Delivery
from nbqueue.model.job import JobRecord, Records
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.shown import Counts, Log, ShownList
from nbqueue.notebook import asking, facts, listing

#: jobs that a table of found ones lists
MOST = 50
#: of a log so much of its end is shown
LINES, CHARACTERS = 1000, 100_000
_PRE = "margin:0;padding:0;background:none;border:0;color:inherit;white-space:pre-wrap"


def html(subject: Any) -> str | None:
    """A value as a static table; None where it is plain text."""
    if isinstance(subject, Log):
        return f'<pre style="{_PRE}">{ansi.html(_lines(subject))}</pre>'
    table = _table(subject, _time())
    return None if table is None else table._repr_html_()


def text(subject: Any) -> str | None:
    """The same as text; None where it is its repr."""
    if isinstance(subject, Log):
        return "\n".join(_lines(subject))
    table = _table(subject, _time())
    return None if table is None else repr(table)


def now(subject: Any) -> dict[str, str] | None:
    """What a handle stands for as it is now, as text and as HTML; asks for a moment at most, and starts nothing."""
    ask = next((asked for kind, asked in _HANDLES.items() if isinstance(subject, kind)), None)
    found = None if ask is None else ask(subject)
    if found is None:
        return None
    if isinstance(found, str):
        name, why = repr(subject), wording.line(found, facts.WIDE)
        return {"text/plain": f"{name}: {why}", "text/html": f"<div><code>{escape(name)}</code> {escape(why)}</div>"}
    return {"text/plain": repr(found), "text/html": found._repr_html_()}


def _lines(log: str) -> tuple[str, ...]:
    """The end of a log, harmless and coloured, and a line that says what is not shown."""
    if not log.strip():
        return ("It has written nothing so far.",)
    end = log[-CHARACTERS:].rstrip("\n")
    lines = wording.for_terminal(end).split("\n")
    cut = len(log) > CHARACTERS or len(lines) > LINES
    return (*(["... (print it to see all)"] if cut else []), *lines[-LINES:])


def _time() -> datetime:
    """The server's time, as well as it is known without asking."""
    try:
        return session().now()
    except NbqueueError:
        return datetime.now(UTC)  # settings that do not work: a value is shown all the same


def _table(subject: Any, at: datetime) -> Table | None:
    if isinstance(subject, ShownList):
        drawn = _LISTS.get(subject.kind)
        return None if drawn is None else drawn(subject, at)
    draw = next((drawn for kind, drawn in _VALUES.items() if isinstance(subject, kind)), None)
    return None if draw is None else draw(subject, at)


def _found(selection: Any, at: datetime) -> Table:
    table = listing.jobs(selection.records[:MOST], now=at, of=selection.words)
    table = facts.cut(table, len(selection), MOST)
    return replace(table, title=f"{table.title}; {selection.besides}") if selection.besides else table


def _queue(queue: Any) -> Table | str | None:
    found = asking.answer(lambda link: asking.of_queue(link, queue.name))
    if found is None or isinstance(found, str):
        return found
    stats, engines = found
    return facts.queue(stats, engines, at=datetime.now(UTC))


def _schedule(schedule: Any) -> Table | str | None:
    found = asking.answer(lambda link: asking.of_schedule(link, schedule.name))
    return facts.schedule(found) if isinstance(found, ScheduleRecord) else found


def _schedules(_: Any) -> Table | str | None:
    found = asking.answer(asking.of_schedules)
    return found if found is None or isinstance(found, str) else listing.schedules(found)


def _jobs(_: Any) -> Table | str | None:
    found = asking.answer(lambda link: asking.of_jobs(link, MOST))
    if found is None or isinstance(found, str):
        return found
    last, standing, words, now_there = found
    return listing.jobs(last.records, now=now_there, of=words, standing=standing, is_cut=last.is_cut)


_VALUES: Mapping[type[Any], Callable[[Any, datetime], Table]] = {
    JobRecord: facts.job,
    ScheduleRecord: lambda record, _: facts.schedule(record),
    QueueStats: lambda stats, _: facts.queue(stats),
    EngineInfo: facts.engine,
    AttemptRecord: lambda attempt, _: facts.attempt(attempt),
    Delivery: lambda delivery, _: facts.delivery(delivery),
    Alert: lambda alert, _: facts.alerts([alert]),
    Selection: _found,
    Records: lambda found, at: facts.cut(listing.jobs(found[:MOST], now=at, of="this list"), len(found), MOST),
    Counts: lambda found, _: facts.counts(found),
    ScheduleList: lambda found, _: listing.schedules(found.records),
}
_LISTS: Mapping[type[Any], Callable[[Any, datetime], Table]] = {
    EngineInfo: lambda found, at: listing.workers(found, now=at),
    AttemptRecord: lambda found, _: facts.attempts(found),
    Delivery: lambda found, _: facts.deliveries(found),
    Alert: lambda found, _: facts.alerts(found),
}
_HANDLES: Mapping[type[Any], Callable[[Any], Table | str | None]] = {
    Queue: _queue, Schedule: _schedule, Schedules: _schedules, Jobs: _jobs,
}  # fmt: skip
