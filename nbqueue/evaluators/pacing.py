"""When the next one may start: a rate over a window that slides, and a hold that counts for everybody."""

from __future__ import annotations

from collections import deque

from nbqueue.model.limits import Limit


class Pace:
    """Knows the last starts. Times are seconds on any clock that only goes forward, given from outside."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._starts: deque[float] = deque(maxlen=limit.rate or 0)
        self._held_until = float("-inf")

    def wait_s(self, now: float, *, counted: bool = True) -> float:
        """Seconds until the next one may start; 0.0: now. One that is not `counted` waits for a hold alone."""
        free_at = self._free_at() if counted else now
        return max(self._held_until - now, free_at - now, 0.0)

    def start(self, now: float) -> None:
        """One starts now."""
        self._starts.append(now)

    def hold(self, until: float) -> None:
        """Let nobody start before that moment; an earlier one changes nothing."""
        self._held_until = max(self._held_until, until)

    def _free_at(self) -> float:
        """When the window, and the shorter one of a burst, has room again."""
        rate, burst, window_s = self._limit.rate, self._limit.burst, self._limit.per_ms / 1000
        if rate is None:
            return float("-inf")
        moments = [self._after(rate, window_s)]
        if burst is not None:
            moments.append(self._after(burst, window_s * burst / rate))
        return max(moments)

    def _after(self, count: int, window_s: float) -> float:
        return self._starts[-count] + window_s if len(self._starts) >= count else float("-inf")
