"""What a card shows, decided from the facts of a job or a group; every face draws from this and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nbqueue.display import notes, palette, wording
from nbqueue.display.palette import Look
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Bar, Progress
from nbqueue.model.states import FAILURES, LIVE, State
from nbqueue.model.trace import Point, Trace

#: lines of the log on a card, and characters of each
LOG_LINES = 100
LOG_COLUMNS = 300
#: lines of a traceback
TRACEBACK_LINES = 100
#: metrics on a card, and those that are drawn over time; a solver's own come first
METRICS, TRACED = 6, 4
#: of a job's progress that is known before the time left is worth a word, and its least elapsed seconds
LEAST_FRACTION, LEAST_ELAPSED_S = 0.02, 3.0

_SOLVER = ("objective", "bound", "gap")
_UNDER_WAY = frozenset(palette.STATES[state].word for state in LIVE)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a group's bar: the jobs in one state."""

    look: Look
    count: int
    #: of all jobs, between 0 and 1
    share: float
    #: whether it fills the bar: running or ended
    begun: bool


@dataclass(frozen=True, slots=True)
class SubBar:
    """The bar of a part of the work."""

    name: str
    #: between 0 and 1; None: not known
    fraction: float | None
    #: "3/20"
    count: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One of the jobs of a group that did not end well."""

    look: Look
    #: its number in the group, from 0
    place: int
    #: what it was called with, or nothing
    called_with: str
    #: class and first line of the error
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card as facts: all texts are clean of control characters, none is escaped yet."""

    look: Look
    title: str
    #: names the job or group; never anything but letters, digits and `. _ - + @`
    id: str = ""
    #: the part of the bar that is full, between 0 and 1; None: how far it is is not known
    fraction: float | None = None
    #: "37/120", or nothing
    count: str = ""
    #: "31%", or nothing where there is no total
    percent: str = ""
    #: "12 s", or nothing before it started
    elapsed: str = ""
    #: "about 28 s left", or nothing where that is not known
    remaining: str = ""
    message: str = ""
    #: (name, value) as texts
    metrics: tuple[tuple[str, str], ...] = ()
    #: what else there is to say: why it waits, which attempt it is, how it ended
    notes: tuple[str, ...] = ()
    #: what somebody has to do before it can run
    hint: str = ""
    #: class and first line of the error
    error: str = ""
    #: where it was raised, line by line
    traceback: tuple[str, ...] = ()
    #: the last lines of the log; of what steers a terminal they have the colours
    log: tuple[str, ...] = ()
    #: bars of parts of the work
    bars: tuple[SubBar, ...] = ()
    #: metrics over time: name -> (seconds, value) in order
    trace: tuple[tuple[str, tuple[Point, ...]], ...] = ()
    #: for a group: how many did not end well by which error, most first
    errors: tuple[tuple[str, int], ...] = ()
    #: for a group: the first of its jobs that did not end well, how many more there are, ends a second over time
    failures: tuple[Failure, ...] = ()
    more_failures: int = 0
    rates: tuple[float, ...] = ()
    #: for a group: its jobs by state, the ended ones first
    segments: tuple[Segment, ...] = ()
    #: running right now, for a bar without an end
    active: bool = False
    #: ended for good
    final: bool = False
    #: whether Cancel makes sense (now)
    cancellable: bool = True
    #: whether Retry does, and whether it was asked for and is not answered yet
    retryable: bool = False
    retrying: bool = False
    #: whether it was retried before: what the button gives is that retry
    retried: bool = False
    #: of many jobs
    many: bool = False


def of_job(
    record: JobRecord, *, now: datetime, log_tail: str = "", remote_traceback: str = "", trace: Trace | None = None,
    reconnecting: bool = False, cancel_asked: bool = False, hint: str = "", why: str = "",
) -> CardView:  # fmt: skip
    """The card of a job, `now` being the server's time as well as it is known.

    `hint` is what helps where it waits, `why` what holds it up where more is known than the record says.
    """
    progress, final = record.progress, record.state.is_final
    cancel_asked = cancel_asked or record.cancel_requested
    elapsed_s = _elapsed_s(record, now)
    left_s = None if final or cancel_asked or _is_gap(progress) else _left_s(progress.fraction, elapsed_s)
    return CardView(
        id=record.id,
        look=palette.UNKNOWN
        if record.is_gone
        else palette.look(record.state, record.reason, cancel_requested=cancel_asked),
        title=wording.line(record.label or record.function or record.id),
        fraction=_fraction(record),
        count=wording.count(progress.done, progress.total) if progress.done or progress.total else "",
        percent=percent(progress.fraction),
        elapsed="" if elapsed_s is None else wording.duration(elapsed_s, running=not final),
        remaining=left(left_s),
        message=_message(record),
        metrics=_metrics(progress.metrics),
        notes=notes.of_job(record, now, why, reconnecting=reconnecting),
        hint=hint,
        error=error_of(record),
        traceback=wording.lines(remote_traceback, TRACEBACK_LINES, LOG_COLUMNS) if record.state in FAILURES else (),
        log=wording.coloured_tail(log_tail, LOG_LINES, LOG_COLUMNS),
        bars=tuple(_sub_bar(bar) for bar in progress.bars),
        trace=_trace(trace),
        active=record.state is State.RUNNING,
        final=final,
        cancellable=not final and not cancel_asked,
        retryable=final and record.state is not State.SUCCEEDED and not record.is_gone,
    )


def _fraction(record: JobRecord) -> float | None:
    """The part of the bar that is full: all of it after a success, nothing where it ended before it started."""
    if record.state is State.SUCCEEDED:
        return 1.0
    return 0.0 if record.state.is_final and record.started_at is None else record.progress.fraction


def _message(record: JobRecord) -> str:
    """What it said last; of one that has ended only where it did not come to its end, as then that tells how far."""
    said = wording.line(record.progress.message)
    if not said or not record.state.is_final:
        return said
    return "" if record.state is State.SUCCEEDED else f"last: {said}"


def percent(fraction: float | None) -> str:
    """A fraction as per cent, rounded down: 100% means all of it."""
    return "" if fraction is None else f"{valuenow(fraction)}%"


def valuenow(fraction: float) -> int:
    """The same as a number, as a bar tells it to readers of screens."""
    # 0.29 * 100 is less than 29
    whole = math.floor(round(fraction * 100, 6))
    return whole if fraction >= 1 else min(whole, 99)


def _elapsed_s(record: JobRecord, now: datetime) -> float | None:
    if record.started_at is None or (not record.state.is_final and record.state is not State.RUNNING):
        return None
    return max(((record.finished_at or now) - record.started_at).total_seconds(), 0.0)


def known_at(view: CardView, at: datetime) -> CardView:
    """A card as what was known at a moment: it says so first, is grey, and promises nothing."""
    parts = tuple(
        replace(part, look=replace(part.look, colour=palette.GREY)) if part.look.word in _UNDER_WAY else part
        for part in view.segments
    )
    then = replace(view.look, word=f"was {view.look.word} at {wording.minute(at)}", colour=palette.GREY)
    return replace(view, look=then, segments=parts, remaining="", active=False)


def seconds_between(began_at: datetime | None, at: datetime | None) -> float | None:
    """Seconds from one moment to another, where both are known."""
    return None if began_at is None or at is None else max((at - began_at).total_seconds(), 0.0)


def left(seconds: float | None) -> str:
    """The time left in words, or nothing."""
    return "" if seconds is None else f"about {wording.duration(seconds, running=True)} left"


def _left_s(fraction: float | None, elapsed_s: float | None) -> float | None:
    """The time left at the speed so far; None where it would be a guess."""
    if fraction is None or elapsed_s is None or fraction < LEAST_FRACTION or elapsed_s < LEAST_ELAPSED_S:
        return None
    return elapsed_s * (1 - fraction) / fraction if fraction < 1 else None


def _is_gap(progress: Progress) -> bool:
    """Whether a bar is what a solver has closed of its gap, which says nothing of the time that the rest takes."""
    gap = progress.metrics.get("gap")
    return isinstance(gap, float | int) and progress.total == 100 and abs(progress.done - 100 * (1 - gap)) <= 1  # noqa: PLR2004


def _sub_bar(bar: Bar) -> SubBar:
    return SubBar(wording.line(bar.name, 40), bar.fraction, wording.count(bar.done, bar.total))


def _trace(trace: Trace | None) -> tuple[tuple[str, tuple[Point, ...]], ...]:
    """The metrics that can be drawn: of at least two points, a solver's own first."""
    found = trace.series() if trace is not None else {}
    names = [name for name in _SOLVER if name in found] + [name for name in found if name not in _SOLVER]
    return tuple((wording.line(name, 40), found[name]) for name in names[:TRACED] if len(found[name]) > 1)


def _metrics(found: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    names = [name for name in _SOLVER if name in found] + [name for name in found if name not in _SOLVER]
    return tuple((wording.line(name, 40), wording.metric(name, found[name])) for name in names[:METRICS])


def error_of(record: JobRecord) -> str:
    """Class and first line of its error, or nothing."""
    if record.state is State.SUCCEEDED or not (record.error_type or record.error):
        return ""
    return wording.line(": ".join(part for part in (record.error_type, record.error) if part))
