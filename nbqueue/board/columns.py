"""The columns of queues, workers and jobs: facts in, texts out; for the live tables and for those that are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nbqueue.board.activity import Chart
from nbqueue.board.facts import QueueFacts
from nbqueue.board.group_row import GroupRow
from nbqueue.broker.queues import EngineInfo
from nbqueue.display import palette, view, view_group, wording
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView
from nbqueue.model.job import JobRecord
from nbqueue.model.states import FAILURES, State

#: characters of what is long in a cell
WIDE, NARROW = 160, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: clean text, not yet escaped."""

    text: str
    #: what stands before it, or colours its bar
    look: Look | None = None
    #: the whole of what is cut, or more
    title: str = ""
    #: the part of a bar that is full, between 0 and 1
    fraction: float | None = None

    @property
    def words(self) -> str:
        """As plain text: with its glyph, without its bar."""
        return f"{self.look.glyph} {self.text}" if self.look is not None and self.fraction is None else self.text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that does not change its width, whatever stands in it."""

    name: str
    #: in em; 0: it shares with the others like it what is left
    width_em: float = 0.0
    #: what it has at least, where it has no width
    least_em: float = 7.0
    #: numbers stand at the right
    number: bool = False
    #: its name where there is room to be exact; empty: as above
    long: str = ""

    @property
    def full(self) -> str:
        """Its name where there is room."""
        return self.long or self.name


Row = tuple[Cell, ...]

QUEUES = (
    Column("queue"), Column("is", 7), Column("waiting", 5, number=True), Column("delayed", 5, number=True),
    Column("running", 5, number=True), Column("failed", 5, number=True, long="failed, all time"),
    Column("per minute", 6.5, number=True, long="ended a minute"),
    Column("oldest waits", 7.5, number=True),
)  # fmt: skip
WORKERS = (
    Column("host"), Column("process", 5.5, number=True), Column("queues"), Column("running", 5.5, number=True),
    Column("functions", 6, number=True), Column("CPU", 4, number=True), Column("memory", 6, number=True),
    Column("up for", 7.5, number=True), Column("versions", 16),
)  # fmt: skip
JOBS = (
    Column("job", least_em=12), Column("state", 8), Column("progress", 10), Column("time", 6, number=True),
    Column("queue", 6), Column("submitted", 6, number=True), Column("message, error", least_em=16),
)  # fmt: skip


def names(columns: Sequence[Column]) -> tuple[str, ...]:
    """What stands above them."""
    return tuple(column.name for column in columns)


def queue(facts: QueueFacts) -> Row:
    """A queue."""
    stats = facts.stats
    name = wording.line(stats.name)
    failed = sum(count for state, count in stats.ended.items() if state in FAILURES)
    held = sum(stats.held_back.values()) + stats.blocked
    of_these = f"{held:,} of these are held back: by a limit, a pause, or for other jobs" if held else ""
    return (
        Cell(text=_cut(name, NARROW), title=name),
        _standing(facts),
        Cell(text=f"{stats.queued:,}", title=of_these),
        Cell(text=f"{stats.scheduled:,}"),
        Cell(text=f"{stats.running:,}"),
        Cell(text=f"{failed:,}", look=palette.MIXED if failed else None),
        Cell(text=f"{facts.per_minute:,.0f}"),
        Cell(text="" if facts.oldest_s is None else wording.duration(facts.oldest_s, running=True)),
    )


def _standing(facts: QueueFacts) -> Cell:
    """Whether it starts and takes jobs, and whether anybody would run them."""
    if facts.lack:
        return Cell(text="no worker", look=palette.HINT, title=wording.line(facts.lack))
    stats = facts.stats
    look = palette.PAUSED if stats.paused else palette.DRAINED if stats.drained else None
    return Cell(text=stats.standing, look=look)


def worker(engine: EngineInfo, now: datetime | None) -> Row:
    """An engine of a worker."""
    names = ", ".join(map(wording.line, engine.queues))
    functions = ", ".join(map(wording.line, engine.functions[:WIDE]))
    up_s = (now - engine.started_at).total_seconds() if now is not None and engine.started_at is not None else None
    return (
        Cell(text=wording.line(engine.host, NARROW)),
        Cell(text=str(engine.pid)),
        Cell(text=_cut(names, NARROW), title=names),
        _busy(engine),
        Cell(text=f"{len(engine.functions):,}", title=functions),
        Cell(text=wording.percent(engine.cpu_percent), title="100% is one core"),
        Cell(text=wording.size(engine.memory_bytes)),
        Cell(text="" if up_s is None else _long(up_s)),
        Cell(text=wording.line(f"Python {engine.python}, nbqueue {engine.version}")),
    )


def _busy(engine: EngineInfo) -> Cell:
    """How many jobs run in it, and whether it takes more."""
    running = f"{engine.running:,} of {engine.slots:,}" if engine.slots else f"{engine.running:,}"
    if engine.draining:
        return Cell(text=f"{running}, draining", look=palette.DRAINED, title="its worker was told to end")
    return Cell(text=running)


def job(record: JobRecord, now: datetime, lack: str = "") -> Row:
    """A job or a group: what its card says, in a line; `lack`: what it waits for and no worker has."""
    lack = wording.line(lack)
    card = _card(record, now, lack)
    told, share = _told(card), record.progress.fraction
    return (
        # the id of a group's row says that it is one
        Cell(text=_cut(card.title, NARROW), title=f"{card.title} ({wording.line(record.id)})"),
        Cell(text="no worker" if lack else card.look.word, look=palette.HINT if lack else card.look, title=lack),
        Cell(text=card.count, title=card.percent, fraction=share, look=None if share is None else card.look),
        Cell(text=card.elapsed),
        Cell(text=wording.line(record.queue, NARROW)),
        Cell(text=wording.when(record.submitted_at, now)),
        Cell(text=_cut(told, WIDE), title=told),
    )


def ended(chart: Chart) -> str:
    """What ended within a window, in a sentence."""
    total = chart.total
    parts = [f"{total.succeeded:,} succeeded", f"{total.failed:,} failed"]
    parts += [f"{total.other:,} cancelled or expired"] if total.other else []
    return f"Ended in the last {chart.window.words}: {', '.join(parts)}"


def _long(seconds: float) -> str:
    """A time of which the seconds do not matter once there are minutes."""
    minutes, much, _ = wording.duration(seconds, running=True).partition(" min ")
    return f"{minutes} min" if much else minutes


def _card(record: JobRecord, now: datetime, lack: str) -> CardView:
    if not isinstance(record, GroupRow):
        return view.of_job(record, now=now, hint=lack)
    card = view_group.of_group(
        record.counts, record.total, now=now, label=record.label or record.function, hint=lack, group_id=record.group,
        began_at=record.started_at, last_end_at=record.finished_at,
    )  # fmt: skip
    # in a table of what runs and what waits, one that has begun and of which nothing runs now, waits
    return card if card.final or card.active else replace(card, look=palette.STATES[State.QUEUED])


def _told(card: CardView) -> str:
    """What is worth saying of it besides its numbers; of a group how many of its jobs are what."""
    counts = [f"{each.count:,} {each.look.word}" for each in card.segments]
    metrics = [f"{name} {value}" for name, value in card.metrics]
    return " · ".join(part for part in (card.hint, card.error, card.message, *counts, *metrics, *card.notes) if part)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
