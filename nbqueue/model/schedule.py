"""A schedule as it stands, and what a turn at it does: decided from the server's time alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nbqueue.model.shown import Shown, plain
from nbqueue.model.times import Times

#: a run that begins no later than this after its time was not missed: longer than a lost worker's place stays empty
LATE = timedelta(seconds=10)
#: the most runs that wait for the end of the one before
MOST_WAITING = 100

_MILLISECOND = timedelta(milliseconds=1)
_FIRST_LOOK_BACK = timedelta(seconds=1)


class ScheduleState(StrEnum):
    """Where a schedule stands."""

    #: more runs will come
    ACTIVE = "active"
    #: none comes until it is resumed
    PAUSED = "paused"
    #: no more runs will come: its end has passed, or there were as many as were asked for
    ENDED = "ended"
    #: what the server keeps of it was not written by a holder of the key; schedule it again
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ScheduleRecord(Shown):
    """A schedule as the server knows it. Times are UTC, on the server's clock."""

    name: str
    state: ScheduleState
    #: the function's name
    function: str = ""
    queue: str = "default"
    #: when it runs
    times: Times | None = None
    #: when it runs next
    next_at: datetime | None = None
    #: the last time that was run, and the id of the last job, triggered ones included
    last_at: datetime | None = None
    last_job: str = ""
    #: runs so far, without triggered ones
    runs: int = 0
    #: times left out because the last run still lived
    skipped: int = 0
    #: runs that wait for the end of the one before
    waiting: int = 0
    #: since when the schedule has these times
    since: datetime | None = None
    #: why it was refused
    error: str = ""

    def __repr__(self) -> str:
        """What people look for first; the fields say the rest."""
        moments = (("next", self.next_at), ("last", self.last_at))
        facts = [f"{word} {at:%Y-%m-%d %H:%M:%S} UTC" for word, at in moments if at is not None]
        words = [self.times.words] if self.times is not None else []
        told = ", ".join([str(self.state), *words, *facts, f"{self.runs:,} runs"])
        error = f"; {plain(self.error)}" if self.error else ""
        return f"<ScheduleRecord {plain(self.name)} of {plain(self.function)}: {told}{error}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What decides about a turn, beside the times themselves."""

    #: the next time; None: there is none
    due: datetime | None
    anchor: datetime
    runs: int = 0
    #: times whose runs wait for the end of the one before
    waiting: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is to be done at a turn."""

    #: times whose jobs are submitted now
    fire: tuple[datetime, ...] = ()
    #: times whose jobs wait for the end of the last one
    waiting: tuple[datetime, ...] = ()
    #: the next time, None: there is none
    next_at: datetime | None = None
    #: times left out because the last run lives
    skipped: int = 0
    #: whether the last job is to be cancelled; asked again with `lives=False` once it has ended
    cancel: bool = False


def turn(times: Times, standing: Standing, now: datetime, *, lives: bool) -> Turn:
    """What a turn at a moment does; `lives`: whether the last job has not ended."""
    left = None if times.count is None else max(times.count - standing.runs, 0)
    line = (*standing.waiting, *_due(times, standing, now))[:left]
    fire, waiting, cancel = _in_turn(times, line, lives=lives)
    over = left is not None and len(fire) + len(waiting) >= left
    if over or standing.due is None:
        next_at = None
    else:
        next_at = standing.due if standing.due > now else times.next_after(now, standing.anchor)
    skipped = len(line) - len(fire) - len(waiting)
    return Turn(fire=fire, waiting=waiting, next_at=next_at, skipped=skipped, cancel=cancel)


def _in_turn(
    times: Times, line: tuple[datetime, ...], *, lives: bool
) -> tuple[tuple[datetime, ...], tuple[datetime, ...], bool]:
    """Of times that have come: what is submitted, what waits, and whether the last job is to be cancelled."""
    match times.overlap:
        case "allow":
            return line, (), False
        case "queue":
            ready = 0 if lives else 1
            return line[:ready], line[ready:][:MOST_WAITING], False
        case "cancel":
            return ((), line[-1:], bool(line)) if lives else (line[-1:], (), False)
        case _:
            return (() if lives else line[:1]), (), False


def _due(times: Times, standing: Standing, now: datetime) -> list[datetime]:
    """The times that have come since the last turn, as far as missed ones are made up for."""
    if standing.due is None or standing.due > now:
        return []
    most = times.misfire if isinstance(times.misfire, int) else 1
    latest = _latest(times, standing.due, standing.anchor, now, most)
    if times.misfire == "skip" and latest and now - latest[-1] > LATE:
        return []
    return latest


def _latest(times: Times, due: datetime, anchor: datetime, now: datetime, most: int) -> list[datetime]:
    """The last times from `due` up to now, at most so many; looked for back from now, however long ago `due` was."""
    span = _FIRST_LOOK_BACK
    while True:
        begin = max(due - _MILLISECOND, now - span)
        found = list(_between(times, begin, anchor, now))
        if len(found) >= most or begin < due:
            return found[-most:]
        span *= 2


def _between(times: Times, begin: datetime, anchor: datetime, end: datetime) -> Iterator[datetime]:
    found = times.next_after(begin, anchor)
    while found is not None and found <= end:
        yield found
        found = times.next_after(found, anchor)
