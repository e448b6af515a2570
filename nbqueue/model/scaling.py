"""How many engines a worker is to have: the rule by which it follows its queues, between a least and a most."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: engines of one worker
MOST_ENGINES = 1000
#: an engine is let go when it was not needed for so long
CALM_S = 30.0

_SPAN = re.compile(r"(\d{1,4})(?::(\d{1,4}))?\Z", re.ASCII)


class Span(NamedTuple):
    """The least and the most engines of a worker."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one kind of jobs, those of the event loop or those that need a process, asks of a worker."""

    #: jobs that could start at once
    waiting: int
    #: jobs of this worker that run
    busy: int
    #: how many of them one engine runs at once
    slots: int


def span(text: str, what: str = "--processes") -> Span:
    """The least and the most of `4` or `1:8`, or one sentence about what is wrong with it."""
    if match := _SPAN.match(text.strip()):
        least = int(match[1])
        most = least if match[2] is None else int(match[2])
        if 1 <= least <= most <= MOST_ENGINES:
            return Span(least, most)
    raise ConfigurationError(
        f"{what}={shown(text)} cannot be used: give a whole number from 1 to {MOST_ENGINES}, or the least and the most "
        "as in 1:8."
    )


def wanted(engines: int, among: Span, loads: Iterable[Load], *, calm_s: float) -> int:
    """How many engines there are to be.

    More as soon as jobs of a kind wait while all slots for it are busy: as many as all of them need, and at most twice
    as many as there are. One fewer when, for `CALM_S`, nothing waited and one fewer would have done.

    Args:
        engines: that there are.
        among: the least and the most.
        loads: of each kind of jobs.
        calm_s: for how long `is_calm` has held.
    """
    looked_at = list(loads)
    short = [load for load in looked_at if load.waiting > 0 and load.busy >= engines * load.slots]
    if short:
        return _within(among, min(2 * engines, max(map(needed, short))))
    if calm_s >= CALM_S and is_calm(engines, looked_at):
        return _within(among, engines - 1)
    return _within(among, engines)


def is_calm(engines: int, loads: Iterable[Load]) -> bool:
    """Whether nothing waits, and one engine fewer would have the slots for what runs."""
    return all(load.waiting == 0 and load.busy <= (engines - 1) * load.slots for load in loads)


def needed(load: Load) -> int:
    """How many engines would run all of it at once."""
    return math.ceil((load.waiting + load.busy) / load.slots)


def _within(among: Span, engines: int) -> int:
    return max(among.least, min(among.most, engines))
