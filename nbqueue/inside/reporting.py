"""What code in a job says of itself: progress, metrics, lines of its log, checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from itertools import count
from typing import Any, TypeVar

from nbqueue.inside.context import JobContext, current
from nbqueue.inside.outside import TERMINAL

T = TypeVar("T")


def progress(done: float, total: float | None = None, message: str | None = None, *, bar: str | None = None) -> None:
    """Say how far the job is; None keeps the total and the message of before.

    Costs about a microsecond, may be called from any thread and never raises.

    Args:
        done: how much is done, in units of your own.
        total: how much there is; None where that is not known: the bar then only moves.
        message: what to show beside the bar.
        bar: the name of a part of the work, which gets a bar of its own below the job's, up to eight of them; such a
            bar has no message, and outside a job it is not shown.
    """
    job = current()
    if bar is not None:
        if job:
            job.reports.bar(bar, done, total)
    else:
        (job.reports if job else TERMINAL).progress(done, total, message)


def report(**metrics: Any) -> None:
    """Report metrics by name, for example `report(objective=930, gap=0.02)`; the last value counts.

    Non-finite numbers arrive as None, objects that are no numbers or texts as their repr.
    """
    job = current()
    (job.reports if job else TERMINAL).metrics(metrics)


def track(iterable: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]:
    """The items of `iterable`, reporting progress as they are taken.

    A loop within another one, or beside it in another thread, has a bar of its own below that of the job, called by its
    message, as long as it goes on.

    Args:
        iterable: what to go through.
        total: the number of items; default: its length, where it has one.
        message: what to show beside the bar.
    """
    if total is None:
        total = _length(iterable)
    job = current()
    if job is not None and job.tracked:
        yield from _within(job, iterable, total, message)
        return
    if job is not None:
        job.tracked.append("")
    try:
        done = 0
        progress(done, total, message)
        for item in iterable:
            yield item
            done += 1
            progress(done, total)
    finally:
        if job is not None:
            job.tracked.remove("")


def _length(iterable: Iterable[object]) -> int | None:
    """Its length, where it has one that is known."""
    try:
        return len(iterable) if isinstance(iterable, Sized) else None
    except TypeError:
        return None


def _within(job: JobContext, iterable: Iterable[T], total: float | None, message: str | None) -> Iterator[T]:
    """The same for a loop that is a part of what the job does."""
    wanted = message or f"part {len(job.tracked)}"
    name = next(each for each in _numbered(wanted) if each not in job.tracked)
    job.tracked.append(name)
    try:
        done = 0
        job.reports.bar(name, done, total)
        for item in iterable:
            yield item
            done += 1
            job.reports.bar(name, done, total)
    finally:
        job.tracked.remove(name)
        job.reports.end_bar(name)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def log(*values: object) -> None:
    """Add a line to the job's log, as `print` would."""
    line = " ".join(map(str, values)) + "\n"
    job = current()
    if job:
        job.write(line)
    else:
        sys.stdout.write(line)


def checkpoint(value: Any, *, partial: bool = False) -> None:
    """Keep a value for the next attempt of this job, should this one be lost.

    Args:
        value: what the next attempt finds in `last_checkpoint()`.
        partial: whether it is also an answer, as far as it goes: the `.partial` of JobCancelled or JobTimeout where the
            code is stopped and hands back nothing itself, because it was interrupted or had to be killed.

    Raises:
        NotSendable: the value cannot travel; the message names the part at fault.
        PayloadTooLarge: it is over the size limit.
    """
    job = current()
    (job or TERMINAL).keep(value)
    if job is not None and partial:
        job.hand_back(value)


def last_checkpoint(default: Any = None) -> Any:
    """The value that this attempt or one before it kept last, else the default."""
    return (current() or TERMINAL).kept(default)
