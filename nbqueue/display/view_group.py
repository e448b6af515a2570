"""What the card of a group shows, decided from its counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nbqueue.client.group_failures import Failed
from nbqueue.display import palette, view, wording
from nbqueue.display.notes import RECONNECTING
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView, Failure, Segment
from nbqueue.model.states import FAILURES, FINAL, UNWANTED, State

#: jobs of a group that have ended before the rate is worth a word
LEAST_ENDED = 2
#: kinds of errors that are counted apart
ERRORS = 5
#: bars of its throughput over time
RATES = 60

_ORDER = (
    State.SUCCEEDED,
    *FAILURES,
    State.CANCELLED,
    State.EXPIRED,
    State.RUNNING,
    State.SCHEDULED,
    State.QUEUED,
)


def group_waits_for_worker(counts: Mapping[State, int]) -> bool:
    """Whether nothing but a free worker is between a group and its next start: jobs are ready, and none runs."""
    return bool(counts.get(State.QUEUED)) and not counts.get(State.RUNNING)


def of_group(
    counts: Mapping[State, int], total: int, *, now: datetime, label: str = "", began_at: datetime | None = None,
    last_end_at: datetime | None = None, cancel_asked: bool = False, reconnecting: bool = False, hint: str = "",
    group_id: str = "", failures: Sequence[Failed] = (), errors: Mapping[str, int] | None = None,
    rates: Sequence[float] = (), before: int = 0, why: str = "", paused: bool = False,
) -> CardView:  # fmt: skip
    """The card of a group: one bar, one part of it a state.

    `began_at` is the start of its first job, `last_end_at` the last end so far, `hint` what helps where it waits, `why`
    what else holds it up, `paused` whether its queue is;
    `failures` are the first jobs that did not end well, `errors` how many did not by the class of their error, `rates`
    ends a second over time. The times are those of all but the `before` jobs that had ended before.
    """
    ended = sum(counts.get(state, 0) for state in FINAL)
    final = ended >= total
    elapsed_s = view.seconds_between(began_at, last_end_at if final else now)
    till_last_s = view.seconds_between(began_at, last_end_at)
    remaining_s = None if final else _remaining_s(
        counts.get(State.RUNNING, 0), ended - before, total - before, till_last_s, elapsed_s
    )  # fmt: skip
    bad = sum(counts.get(state, 0) for state in UNWANTED)
    return CardView(
        id=group_id,
        look=_group_look(counts, total, cancel_asked=cancel_asked, is_held=bool(hint or why), paused=paused),
        title=", ".join(part for part in (wording.line(label), f"{total:,} job{'' if total == 1 else 's'}") if part),
        fraction=ended / total if total else 1.0,
        count=wording.count(ended, total),
        percent=view.percent(ended / total if total else None),
        elapsed="" if elapsed_s is None else wording.duration(elapsed_s, running=not final),
        remaining=view.left(remaining_s),
        hint=hint,
        notes=(
            *_rate(ended - before, till_last_s),
            *(RECONNECTING if reconnecting and not final else ()),
            *((wording.line(why),) if why and not final else ()),
        ),
        errors=_errors(errors or {}) if bad else (),
        failures=tuple(map(_failure, failures)) if bad else (),
        more_failures=max(bad - len(failures), 0) if failures else 0,
        rates=_joined(rates),
        segments=_segments(counts, total),
        active=counts.get(State.RUNNING, 0) > 0,
        final=final,
        cancellable=not final and not cancel_asked,
        retryable=final and counts.get(State.SUCCEEDED, 0) < total,
        many=True,
    )


def _remaining_s(
    running: int, ended: int, total: int, till_last_s: float | None, elapsed_s: float | None
) -> float | None:
    """The time left at the rate up to the last end; None before as many have ended as run at once, and when overdue."""
    if not running or ended < max(running, LEAST_ENDED) or till_last_s is None or elapsed_s is None:
        return None
    left_s = till_last_s * (total - ended) / ended - (elapsed_s - till_last_s)
    return left_s if left_s >= 1 else None


def _group_look(
    counts: Mapping[State, int], total: int, *, cancel_asked: bool, is_held: bool, paused: bool
) -> Look:  # fmt: skip
    if sum(counts.get(state, 0) for state in FINAL) < total:
        return palette.CANCELLING if cancel_asked else _look_under_way(counts, is_held=is_held, paused=paused)
    if counts.get(State.SUCCEEDED, 0) >= total:
        return palette.STATES[State.SUCCEEDED]
    if any(counts.get(state, 0) for state in FAILURES):
        bad = [state for state in FAILURES if counts.get(state, 0)]
        return palette.STATES[bad[0]] if counts[bad[0]] == total else palette.MIXED
    return palette.STATES[State.CANCELLED if counts.get(State.CANCELLED, 0) else State.EXPIRED]


def _look_under_way(counts: Mapping[State, int], *, is_held: bool, paused: bool) -> Look:
    """Between two of its jobs a group runs, but not where something is known to hold the next one up."""
    if counts.get(State.RUNNING):
        return palette.STATES[State.RUNNING]
    if paused:
        return palette.PAUSED
    has_begun = any(count for state, count in counts.items() if state.is_final)
    return palette.STATES[State.RUNNING if has_begun and not is_held else State.QUEUED]


def _segments(counts: Mapping[State, int], total: int) -> tuple[Segment, ...]:
    return tuple(
        Segment(palette.STATES[state], counts[state], counts[state] / total, state.is_final or state is State.RUNNING)
        for state in _ORDER
        if counts.get(state, 0) and total
    )


def _rate(ended: int, till_last_s: float | None) -> tuple[str, ...]:
    """How fast they end, once that is worth a word."""
    if ended < LEAST_ENDED or not till_last_s:
        return ()
    return (wording.rate(ended / till_last_s),)


def _joined(rates: Sequence[float]) -> tuple[float, ...]:
    """At most RATES of them, neighbours taken together."""
    step = -(-len(rates) // RATES) or 1
    return tuple(sum(rates[start : start + step]) / step for start in range(0, len(rates), step))


def _errors(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The most frequent ones, and the others as one."""
    words = {str(state): look.word for state, look in palette.STATES.items()}
    named = [(words.get(name) or wording.line(name, 60), count) for name, count in found.items()]
    rest = sum(count for _, count in named[ERRORS:])
    return (*named[:ERRORS], *([("others", rest)] if rest else ()))


def _failure(failed: Failed) -> Failure:
    called_with = wording.line(failed.called_with, 60)
    return Failure(palette.look(failed.record.state), failed.place, called_with, view.error_of(failed.record))
