"""All that one page shows at one moment, as values that templates only have to place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nbqueue.board import columns, group_row, roster, unlisted
from nbqueue.board.columns import Row
from nbqueue.board.facts import Facts
from nbqueue.board.roster import Page
from nbqueue.display import palette, wording
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.job import JobRecord
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.states import FAILURES, State
from nbqueue.web.pages import views
from nbqueue.web.pages.remains import Remains
from nbqueue.web.pages.views import View

#: seconds without an answer after which that is said
SILENT_S = 4.0
#: what failed is listed so many kinds of, at most
KINDS = 100
_LOOKS = {state.value: look for state, look in palette.STATES.items()} | {
    "retried": palette.Look("↻", "@", "retried", palette.ORANGE),
    "lost": palette.Look("✸", "#", "lost", palette.VERMILION),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is shown."""

    view: View
    facts: Facts
    #: which server
    place: str
    #: the server's time as well as it is known
    now: datetime
    #: seconds since the server was heard
    silent_s: float = 0.0
    #: whether nothing can be changed from here
    read_only: bool = False
    page: Page = field(default_factory=Page)
    #: of the job or group that is open
    card: CardView | None = None
    record: JobRecord | None = None
    remains: Remains = field(default_factory=Remains)
    schedules: Sequence[ScheduleRecord] = ()

    @property
    def is_away(self) -> bool:
        """Whether the server is not heard any more: what is shown is what was known before."""
        return bool(self.facts.problem) or (self.facts.at is not None and self.silent_s > SILENT_S)

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence; or nothing."""
        found = self.facts.problem or self.facts.warning
        if not self.facts.problem and self.facts.at is not None and self.silent_s > SILENT_S:
            found = f"The server has not answered for {wording.duration(self.silent_s, running=True)}."
        return wording.line(found, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a table, and what it is a row of."""

    #: names it on the page
    name: str
    #: for people
    title: str
    cells: Row
    #: whether it is a group
    many: bool = False
    paused: bool = False
    #: of a queue: how many of its jobs start or run at most
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Jobs that did not succeed for the same reason."""

    look: Look
    error_type: str
    function: str
    count: int
    #: the last of them
    last: JobRecord
    last_at: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as a line."""

    number: str
    look: Look
    began: str
    took: str
    worker: str
    error: str
    traceback: tuple[str, ...]


def queue_lines(facts: Facts) -> list[Line]:
    """The queues."""
    return [
        Line(name=each.stats.name, title=wording.line(each.stats.name), cells=columns.queue(each),
             paused=each.stats.paused, limit=str(facts.limits.get(f"q:{each.stats.name}", "")))
        for each in facts.queues
    ]  # fmt: skip


def limits(facts: Facts) -> list[tuple[str, str]]:
    """The limits that are for no single queue: (what for, how much)."""
    kinds = {"f": "function", "k": "key"}
    found = [(*scope.partition(":")[::2], limit) for scope, limit in sorted(facts.limits.items())]
    return [(wording.line(f"{kinds[kind]} {name}", 80), str(limit)) for kind, name, limit in found if kind in kinds]


def worker_lines(facts: Facts, now: datetime) -> list[Line]:
    """The engines of workers."""
    return [Line(name=each.id, title=wording.line(each.id), cells=columns.worker(each, now)) for each in facts.engines]


def job_lines(seen: Seen) -> list[Line]:
    """The jobs of the page that is shown."""
    return [
        Line(
            name=record.id,
            title=wording.line(record.label or record.function or record.id),
            cells=columns.job(record, seen.now, seen.facts.lacks.get(record.id, "")),
            many=group_row.is_group(record.id),
        )
        for record in seen.page.rows
    ]


def sums(facts: Facts) -> list[tuple[str, str]]:
    """The whole in a few numbers: (what, how many)."""
    stats, ended = facts.stats, sum(each.per_minute for each in (*facts.queues, *facts.rest))
    slots = sum(each.slots or 0 for each in facts.engines)
    busy = sum(each.running for each in facts.engines)
    failed = next((chart.total.failed for chart in facts.charts), 0)
    return [
        ("running", f"{sum(each.running for each in stats):,}"),
        ("waiting", f"{sum(each.queued for each in stats):,}"),
        ("delayed", f"{sum(each.scheduled for each in stats):,}"),
        ("ended a minute", f"{ended:,.0f}"),
        ("failed in 5 minutes", f"{failed:,}"),
        ("slots in use", f"{busy:,} of {slots:,}" if slots else f"{busy:,}"),
    ]


def facts_of(record: JobRecord, now: datetime) -> list[tuple[str, str]]:
    """What is known of a job besides its card: (what, value), nothing that is empty."""
    timed = (("submitted", record.submitted_at), ("due", record.due_at), ("started", record.started_at),
             ("ended", record.finished_at))  # fmt: skip
    found = [
        ("id", record.id), ("function", record.function), ("queue", record.queue),
        *((word, wording.when(at, now)) for word, at in timed), ("worker", record.worker),
        ("priority", str(record.priority) if record.priority else ""), ("tags", ", ".join(record.tags)),
        ("needs", record.needs), ("waits for", ", ".join(record.after)),
        ("workers lost", str(record.losses or "")), ("crashes", str(record.crashes or "")),
    ]  # fmt: skip
    return [(word, wording.line(value, 400)) for word, value in found if value]


def kin_of(record: JobRecord) -> list[tuple[str, str]]:
    """Other jobs that it belongs to: (what, id)."""
    found = (("retry of", record.retry_of), ("retried as", record.retried_by), ("submitted by", record.parent))
    return [(word, name) for word, name in found if name]


def attempt_lines(record: JobRecord, attempts: Iterable[AttemptRecord], now: datetime) -> list[Attempt]:
    """The attempts, the last one first, which may run."""
    lines = []
    for each in attempts:
        took_s = (each.finished_at - each.started_at).total_seconds() if each.finished_at and each.started_at else None
        said = ": ".join(part for part in (each.error_type, each.error) if part)
        lines.append(Attempt(
            number=str(each.number or "-"), look=_LOOKS.get(each.state, palette.UNKNOWN),
            began=wording.when(each.started_at, now), took="" if took_s is None else wording.duration(took_s),
            worker=wording.line(each.worker, 60), error=wording.line(said),
            traceback=wording.lines(each.traceback, 60, 300),
        ))  # fmt: skip
    if record.state is State.RUNNING:
        ran_s = (now - record.started_at).total_seconds() if record.started_at else None
        lines.append(Attempt(
            number=str(record.tries or len(lines) + 1), look=palette.STATES[State.RUNNING],
            began=wording.when(record.started_at, now),
            took="" if ran_s is None else wording.duration(max(ran_s, 0.0), running=True),
            worker=wording.line(record.worker, 60), error="", traceback=(),
        ))  # fmt: skip
    return lines[::-1]


def spans(record: JobRecord, attempts: Sequence[AttemptRecord], now: datetime) -> list[tuple[float, float, Look]]:
    """When it ran since its submit, as parts of the whole: (from, how long, how it ended)."""
    begun = [(each.started_at, each.finished_at, _LOOKS.get(each.state, palette.UNKNOWN)) for each in attempts]
    if record.state is State.RUNNING:
        begun.append((record.started_at, now, palette.STATES[State.RUNNING]))
    known = [(start, end, look) for start, end, look in begun if start is not None and end is not None]
    if not known:
        return []
    first = min(start for start, _, _ in known)
    since = min(record.submitted_at or first, first)
    whole_s = max((max(end for _, end, _ in known) - since).total_seconds(), 0.001)
    return [
        ((start - since).total_seconds() / whole_s, (end - start).total_seconds() / whole_s, look)
        for start, end, look in known
    ]


def failures(records: Iterable[JobRecord], now: datetime) -> list[Failed]:
    """The kinds of what failed lately, most frequent first."""
    kinds: dict[tuple[State, str, str], list[JobRecord]] = {}
    for record in records:
        if record.state in FAILURES:
            kinds.setdefault((record.state, record.error_type, record.function), []).append(record)
    ordered = sorted(kinds.values(), key=lambda each: (-len(each), str(each[0].error_type)))
    return [_failed(each, now) for each in ordered[:KINDS]]


def schedule_line(record: ScheduleRecord, now: datetime) -> tuple[str, ...]:
    """A schedule: its times, function, next and last run, runs, times left out."""
    times = record.times.words if record.times is not None else ""
    return (
        wording.line(times), wording.line(record.function), wording.when(record.next_at, now),
        wording.when(record.last_at, now), f"{record.runs:,}", f"{record.skipped:,}",
    )  # fmt: skip


def empty(seen: Seen) -> str:
    """What stands where there are no jobs."""
    if seen.facts.at is None:
        return "" if seen.problem else "Reading …"
    return "None of the jobs that are known is like that." if seen.facts.jobs else "None is known so far."


def unlisted_of(seen: Seen) -> str:
    """What the page does not list of what is chosen, in a sentence; or nothing."""
    choice = views.resolved(seen.view.choice, {stats.name for stats in seen.facts.stats})
    return unlisted.words(seen.facts, choice)


def unlisted_failures(facts: Facts) -> str:
    """The same of what failed."""
    return unlisted.words(facts, views.CHOICE, frozenset(FAILURES))


def functions(facts: Facts) -> tuple[str, ...]:
    """The functions that can be chosen."""
    return roster.functions(facts.jobs)


def _failed(records: Sequence[JobRecord], now: datetime) -> Failed:
    last = max(records, key=lambda each: each.finished_at.timestamp() if each.finished_at else 0.0)
    return Failed(
        look=palette.STATES[last.state], error_type=wording.line(last.error_type, 80),
        function=wording.line(last.function, 80), count=len(records), last=last,
        last_at=wording.when(last.finished_at, now), said=wording.line(last.error),
    )  # fmt: skip
