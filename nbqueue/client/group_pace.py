"""How fast the jobs of a group end: how many in each stretch of time, in a bounded number of stretches."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

#: stretches at most; beyond them each gets twice as long
STRETCHES = 120
#: seconds of the first ones
FINEST_S = 0.5


class Pace:
    """Counts ends by when they came, on the server's clock, in whatever order they are told."""

    def __init__(self) -> None:
        self._width_s = FINEST_S
        #: number of the stretch, counted from the epoch -> ends in it
        self._counts: Counter[int] = Counter()

    def ended(self, at: datetime) -> None:
        """A job has ended."""
        self._counts[self._place(at)] += 1
        while max(self._counts) - min(self._counts) >= STRETCHES:
            self._double()

    def rates(self, now: datetime) -> tuple[float, ...]:
        """Ends a second in each stretch from the first end until `now`."""
        if not self._counts:
            return ()
        while self._place(now) - min(self._counts) >= STRETCHES:
            self._double()
        first, last = min(self._counts), max(self._place(now), *self._counts)
        return tuple(self._counts[place] / self._width_s for place in range(first, last + 1))

    def _place(self, at: datetime) -> int:
        return int(at.timestamp() // self._width_s)

    def _double(self) -> None:
        self._width_s *= 2
        counts: Counter[int] = Counter()
        for place, count in self._counts.items():
            counts[place // 2] += count
        self._counts = counts
