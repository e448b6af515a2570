"""How fast the jobs of a group end: how many in each stretch of time, in a bounded number of stretches."""

from __future__ import annotations

from datetime import datetime

#: stretches at most; beyond them each gets twice as long
STRETCHES = 120
#: seconds of the first ones
FINEST_S = 0.5


class Pace:
    """Counts ends by when they came, on the server's clock."""

    def __init__(self) -> None:
        self._width_s = FINEST_S
        self._begin_s = 0.0
        self._counts: dict[int, int] = {}

    def ended(self, at: datetime) -> None:
        """A job has ended."""
        at_s = at.timestamp()
        if not self._counts:
            self._begin_s = at_s
        while (place := int((at_s - self._begin_s) // self._width_s)) >= STRETCHES:
            self._double()
        place = max(place, 0)
        self._counts[place] = self._counts.get(place, 0) + 1

    def rates(self, now: datetime) -> tuple[float, ...]:
        """Ends a second in each stretch from the first end that was told until `now`."""
        if not self._counts:
            return ()
        last = min(max(int((now.timestamp() - self._begin_s) // self._width_s), *self._counts, 0), STRETCHES)
        return tuple(self._counts.get(place, 0) / self._width_s for place in range(last + 1))

    def _double(self) -> None:
        self._width_s *= 2
        counts: dict[int, int] = {}
        for place, count in self._counts.items():
            counts[place // 2] = counts.get(place // 2, 0) + count
        self._counts = counts
