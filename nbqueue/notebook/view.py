"""What a card shows, decided from the facts of a job or a group; every face draws from this and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nbqueue.model.job import JobRecord
from nbqueue.model.states import FINAL, State, WaitReason
from nbqueue.notebook import palette, wording
from nbqueue.notebook.palette import Look

#: lines of the log on a card, and characters of each
LOG_LINES = 3
LOG_COLUMNS = 120
#: metrics on a card; a solver's own come first
METRICS = 6
#: jobs of a group that have ended before the rate is worth a word
LEAST_ENDED = 2

_SOLVER = ("objective", "bound", "gap")
_BAD = (State.FAILED, State.TIMED_OUT, State.CRASHED)
_ORDER = (
    State.SUCCEEDED,
    State.FAILED,
    State.TIMED_OUT,
    State.CRASHED,
    State.CANCELLED,
    State.EXPIRED,
    State.RUNNING,
    State.SCHEDULED,
    State.QUEUED,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a group's bar: the jobs in one state."""

    look: Look
    count: int
    #: of all jobs, between 0 and 1
    share: float
    #: whether it fills the bar: running or ended
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card as facts: all texts are clean of control characters, none is escaped yet."""

    look: Look
    title: str
    #: the part of the bar that is full, between 0 and 1; None: how far it is is not known
    fraction: float | None = None
    #: "37/120", or nothing
    count: str = ""
    #: "31%", or nothing where there is no total
    percent: str = ""
    #: "12 s", or nothing before it started
    elapsed: str = ""
    #: for a group: "about 28 s left", or nothing where the rate is not known
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
    log: tuple[str, ...] = ()
    #: for a group: its jobs by state, the ended ones first
    segments: tuple[Segment, ...] = ()
    #: running right now, for a bar without an end
    active: bool = False
    #: ended for good
    final: bool = False
    #: whether Cancel makes sense (now)
    cancellable: bool = True


def of_job(
    record: JobRecord, *, now: datetime, log_tail: str = "", reconnecting: bool = False, cancel_asked: bool = False,
    hint: str = "",
) -> CardView:  # fmt: skip
    """The card of a job, `now` being the server's time as well as it is known; `hint`: what helps where it waits."""
    progress, final = record.progress, record.state.is_final
    cancel_asked = cancel_asked or record.cancel_requested
    elapsed_s = _elapsed_s(record, now)
    return CardView(
        look=palette.look(record.state, record.reason, cancel_requested=cancel_asked),
        title=wording.line(record.label or record.function or record.id),
        fraction=1.0 if record.state is State.SUCCEEDED else progress.fraction,
        count=wording.count(progress.done, progress.total) if progress.done or progress.total else "",
        percent=_percent(progress.fraction),
        elapsed="" if elapsed_s is None else wording.duration(elapsed_s, running=not final),
        message=wording.line(progress.message),
        metrics=_metrics(progress.metrics),
        notes=_notes(record, now, reconnecting=reconnecting),
        hint=hint,
        error=_error(record),
        log=wording.tail(log_tail, LOG_LINES, LOG_COLUMNS),
        active=record.state is State.RUNNING,
        final=final,
        cancellable=not final and not cancel_asked,
    )


def group_waits_for_worker(counts: Mapping[State, int]) -> bool:
    """Whether nothing but a free worker is between a group and its next start: jobs are ready, and none runs."""
    return bool(counts.get(State.QUEUED)) and not counts.get(State.RUNNING)


def of_group(
    counts: Mapping[State, int], total: int, *, now: datetime, label: str = "", began_at: datetime | None = None,
    last_end_at: datetime | None = None, cancel_asked: bool = False, reconnecting: bool = False, hint: str = "",
) -> CardView:  # fmt: skip
    """The card of a group: one bar, one part of it a state.

    `began_at` is the start of its first job, `last_end_at` the last end so far, `hint` what helps where it waits.
    """
    ended = sum(counts.get(state, 0) for state in FINAL)
    final = ended >= total
    elapsed_s = _seconds(began_at, last_end_at if final else now)
    remaining_s = None if final else _remaining_s(counts, total, _seconds(began_at, last_end_at), elapsed_s)
    return CardView(
        look=_group_look(counts, total, final=final, cancel_asked=cancel_asked),
        title=", ".join(part for part in (wording.line(label), f"{total:,} jobs") if part),
        fraction=ended / total if total else 1.0,
        count=wording.count(ended, total),
        percent=_percent(ended / total if total else None),
        elapsed="" if elapsed_s is None else wording.duration(elapsed_s, running=not final),
        remaining="" if remaining_s is None else f"about {wording.duration(remaining_s, running=True)} left",
        hint=hint,
        notes=_RECONNECTING if reconnecting and not final else (),
        segments=_segments(counts, total),
        active=counts.get(State.RUNNING, 0) > 0,
        final=final,
        cancellable=not final and not cancel_asked,
    )


_RECONNECTING = ("connection lost, trying again",)


def _percent(fraction: float | None) -> str:
    # rounded down: 100% means all of it
    return "" if fraction is None else f"{math.floor(fraction * 100)}%"


def _elapsed_s(record: JobRecord, now: datetime) -> float | None:
    if record.started_at is None or (not record.state.is_final and record.state is not State.RUNNING):
        return None
    return max(((record.finished_at or now) - record.started_at).total_seconds(), 0.0)


def _seconds(began_at: datetime | None, at: datetime | None) -> float | None:
    return None if began_at is None or at is None else max((at - began_at).total_seconds(), 0.0)


def _remaining_s(
    counts: Mapping[State, int], total: int, till_last_s: float | None, elapsed_s: float | None
) -> float | None:
    """The time left at the rate up to the last end; None before as many have ended as run at once, and when overdue."""
    ended, running = sum(counts.get(state, 0) for state in FINAL), counts.get(State.RUNNING, 0)
    if not running or ended < max(running, LEAST_ENDED) or till_last_s is None or elapsed_s is None:
        return None
    left_s = till_last_s * (total - ended) / ended - (elapsed_s - till_last_s)
    return left_s if left_s >= 1 else None


def _metrics(found: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    names = [name for name in _SOLVER if name in found] + [name for name in found if name not in _SOLVER]
    return tuple((wording.line(name, 40), wording.metric(name, found[name])) for name in names[:METRICS])


def _error(record: JobRecord) -> str:
    if record.state is State.SUCCEEDED or not (record.error_type or record.error):
        return ""
    return wording.line(": ".join(part for part in (record.error_type, record.error) if part))


def _notes(record: JobRecord, now: datetime, *, reconnecting: bool) -> tuple[str, ...]:
    if record.state.is_final:
        return tuple(note for note in (_stopped(record), _attempts(record)) if note)
    found = (_waiting(record, now), _attempts(record), _losses(record), *(_RECONNECTING if reconnecting else ()))
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
    if record.tries < 2:  # noqa: PLR2004 - the first attempt is not worth a word
        return ""
    return f"attempt {record.tries} of {record.max_tries}"


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


def _group_look(counts: Mapping[State, int], total: int, *, final: bool, cancel_asked: bool) -> Look:
    if not final:
        if cancel_asked:
            return palette.CANCELLING
        started = any(count for state, count in counts.items() if state is State.RUNNING or state.is_final)
        return palette.STATES[State.RUNNING if started else State.QUEUED]
    if counts.get(State.SUCCEEDED, 0) >= total:
        return palette.STATES[State.SUCCEEDED]
    if any(counts.get(state, 0) for state in _BAD):
        bad = [state for state in _BAD if counts.get(state, 0)]
        return palette.STATES[bad[0]] if counts[bad[0]] == total else palette.MIXED
    return palette.STATES[State.CANCELLED if counts.get(State.CANCELLED, 0) else State.EXPIRED]


def _segments(counts: Mapping[State, int], total: int) -> tuple[Segment, ...]:
    return tuple(
        Segment(palette.STATES[state], counts[state], counts[state] / total, state.is_final or state is State.RUNNING)
        for state in _ORDER
        if counts.get(state, 0) and total
    )
