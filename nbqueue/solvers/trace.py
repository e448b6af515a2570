"""How a search got on: a row for each solution and each better bound, as many as fit."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

#: rows that a trace keeps: the first half of them and the last
MOST_ROWS = 5_000

Happening = Literal["solution", "bound", "resume"]


class Row(NamedTuple):
    """What was known at one moment of a search."""

    #: seconds since the search began, those of earlier attempts included
    t_s: float
    #: "solution" (one was found), "bound" (a tighter one), "resume" (an attempt began with what an earlier one had)
    event: Happening
    #: of the best solution so far; None before the first
    objective: float | None
    #: the tightest so far; None while there is none
    bound: float | None
    #: between the two, as a fraction of the objective
    gap: float | None
    #: how many were found so far
    solutions: int
    #: the attempt that it happened in, from 1
    attempt: int


class Trace:
    """The rows of one search: the first ones and the last ones, where there are too many."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._first: list[Row] = []
        self._kept = most // 2
        self._last: deque[Row] = deque(maxlen=most - self._kept)

    def add(self, row: Row) -> None:
        """Add what has just happened."""
        if len(self._first) < self._kept:
            self._first.append(row)
        else:
            self._last.append(row)

    def rows(self) -> tuple[Row, ...]:
        """What is kept, in order."""
        return (*self._first, *self._last)
