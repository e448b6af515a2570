"""What code in a job says of itself: progress, metrics, lines of its log, checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from nbqueue.inside.context import current
from nbqueue.inside.outside import TERMINAL

T = TypeVar("T")


def progress(done: float, total: float | None = None, message: str | None = None) -> None:
    """Say how far the job is; None keeps the total and the message of before.

    Costs about a microsecond, may be called from any thread and never raises.
    """
    job = current()
    (job.reports if job else TERMINAL).progress(done, total, message)


def report(**metrics: Any) -> None:
    """Report metrics by name, for example `report(objective=930, gap=0.02)`; the last value counts.

    Non-finite numbers arrive as None, objects that are no numbers or texts as their repr.
    """
    job = current()
    (job.reports if job else TERMINAL).metrics(metrics)


def track(iterable: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]:
    """The items of `iterable`, reporting progress as they are taken.

    Args:
        iterable: what to go through.
        total: the number of items; default: its length, where it has one.
        message: what to show beside the bar.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    done = 0
    progress(done, total, message)
    for item in iterable:
        yield item
        done += 1
        progress(done, total)


def log(*values: object) -> None:
    """Add a line to the job's log, as `print` would."""
    line = " ".join(map(str, values)) + "\n"
    job = current()
    if job:
        job.write(line)
    else:
        sys.stdout.write(line)


def checkpoint(value: Any) -> None:
    """Keep a value for the next attempt of this job, should this one be lost.

    Raises:
        NotSendable: the value cannot travel; the message names the part at fault.
        PayloadTooLarge: it is over the size limit.
    """
    (current() or TERMINAL).keep(value)


def last_checkpoint(default: Any = None) -> Any:
    """The value that this attempt or one before it kept last, else the default."""
    return (current() or TERMINAL).kept(default)
