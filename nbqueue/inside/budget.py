"""How much output a job may send: a rate with a burst, and a count of what was dropped."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

#: what a job may send in a second, and in one burst
RATE = 1_000_000
_REOPEN_SHARE = 0.25
#: from here on sizes are told in megabytes
_IN_MEGABYTES = 100_000


class Budget:
    """Lets through so much a second; once it is used up, nothing passes until a share of it is back."""

    def __init__(self, rate: int = RATE, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = float(rate)
        self._at = clock()
        self._shut = False
        #: how much was dropped since the last mark
        self.dropped = 0

    def allow(self, size: int) -> int:
        """How much of `size` may pass now; the rest is counted as dropped."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._rate, float(self._rate))
        self._at = now
        if self._shut and self._left < self._rate * _REOPEN_SHARE:
            self.dropped += size
            return 0
        passed = min(size, int(self._left))
        self._left -= passed
        self._shut = passed < size
        self.dropped += size - passed
        return passed

    def pass_through(self, size: int) -> tuple[str, int]:
        """How much of `size` may pass now, and before it the mark of what was dropped earlier."""
        before, self.dropped = self.dropped, 0
        passed = self.allow(size)
        if not passed:
            self.dropped += before
            return "", 0
        rest, self.dropped = self.dropped, before
        mark = self.mark()
        self.dropped = rest
        return mark, passed

    def mark(self, kept: int = 0) -> str:
        """A line about what was dropped since the last mark (less `kept`), or nothing."""
        dropped, self.dropped = self.dropped - kept, 0
        return f"\n[... {_megabytes(dropped)} of output dropped ...]\n" if dropped > 0 else ""


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= _IN_MEGABYTES else f"{size} bytes"
