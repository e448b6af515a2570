"""What a card shows, decided from the facts of a job or a group; every face draws from this and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Bar
from nbqueue.model.states import FAILURES, State, WaitReason
from nbqueue.model.trace import Point, Trace
from nbqueue.notebook import palette, wording
from nbqueue.notebook.palette import Look

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
    job_id: str
    title: str
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
    #: of many jobs
    many: bool = False


def of_job(
    record: JobRecord, *, now: datetime, log_tail: str = "", remote_traceback: str = "", trace: Trace | None = None,
    reconnecting: bool = False, cancel_asked: bool = False, hint: str = "",
) -> CardView:  # fmt: skip
    """The card of a job, `now` being the server's time as well as it is known; `hint`: what helps where it waits."""
    progress, final = record.progress, record.state.is_final
    cancel_asked = cancel_asked or record.cancel_requested
    elapsed_s = _elapsed_s(record, now)
    left_s = None if final or cancel_asked else _left_s(progress.fraction, elapsed_s)
    return CardView(
        id=record.id,
        look=palette.look(record.state, record.reason, cancel_requested=cancel_asked),
        title=wording.line(record.label or record.function or record.id),
        fraction=1.0 if record.state is State.SUCCEEDED else progress.fraction,
        count=wording.count(progress.done, progress.total) if progress.done or progress.total else "",
        percent=percent(progress.fraction),
        elapsed="" if elapsed_s is None else wording.duration(elapsed_s, running=not final),
        remaining=left(left_s),
        message=wording.line(progress.message),
        metrics=_metrics(progress.metrics),
        notes=_notes(record, now, reconnecting=reconnecting),
        hint=hint,
        error=error_of(record),
        traceback=wording.lines(remote_traceback, TRACEBACK_LINES, LOG_COLUMNS) if record.state in FAILURES else (),
        log=wording.coloured_tail(log_tail, LOG_LINES, LOG_COLUMNS),
        bars=tuple(_sub_bar(bar) for bar in progress.bars),
        trace=_trace(trace),
        active=record.state is State.RUNNING,
        final=final,
        cancellable=not final and not cancel_asked,
        retryable=final and record.state is not State.SUCCEEDED,
    )


RECONNECTING = ("connection lost, trying again",)


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


def _notes(record: JobRecord, now: datetime, *, reconnecting: bool) -> tuple[str, ...]:
    if record.state.is_final:
        return tuple(note for note in (_stopped(record), _attempts(record)) if note)
    found = (
        _waiting(record, now),
        _attempts(record),
        _losses(record),
        _worker(record),
        *(RECONNECTING if reconnecting else ()),
    )
    return tuple(note for note in found if note)


def _waiting(record: JobRecord, now: datetime) -> str:
    if record.state is State.RUNNING:
        return ""
    if record.reason is WaitReason.PAUSED:
        return f'queue "{record.queue}" is paused'
    if record.reason is WaitReason.BLOCKED:
        return "waits for other jobs"
    wait_s = (record.due_at - now).total_seconds() if record.due_at else 0.0
    if wait_s < 1:
        return ""
    begins = "tries again in" if record.reason is WaitReason.RETRYING else "starts in"
    return f"{begins} {wording.duration(wait_s, running=True)}"


def _attempts(record: JobRecord) -> str:
    # one that runs is counted when it has ended
    number = min(record.tries + (record.state is State.RUNNING), record.max_tries)
    return f"attempt {number} of {record.max_tries}" if number and record.max_tries > 1 else ""


def _worker(record: JobRecord) -> str:
    """Where it runs: host and process of the engine, of whose names they are a part."""
    if record.state is not State.RUNNING or not record.worker:
        return ""
    host, *rest = record.worker.rsplit("-", 3)
    is_named = len(rest) == 3 and rest[0].isdecimal()  # noqa: PLR2004 - an engine's name: host, pid, number, chance
    return wording.line(f"on {host}, pid {rest[0]}" if is_named else f"on {record.worker}")


def _losses(record: JobRecord) -> str:
    lost = record.losses + record.crashes
    if not lost:
        return ""
    what = "its process died" if record.crashes else "its worker was lost"
    return f"{what}, runs again" if lost == 1 else f"{what} ({lost} times), runs again"


def _stopped(record: JobRecord) -> str:
    if record.state is State.SUCCEEDED and record.stopped_by == "timeout":
        return "handed back at its time limit"
    if record.stopped_by == "cancel" and record.state is not State.CANCELLED:
        return "handed back after a cancel"
    return ""
