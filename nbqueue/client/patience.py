"""How long the client tries: growing waits with some chance in them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

#: seconds of the first wait, and of the longest
FIRST_S = 0.05
LONGEST_S = 2.0
#: who wakes so late has stood still, as a laptop that was closed
STOOD_S = 0.5
#: tries in which one stood still that do not count; a process that is always late gives up in the end
_UNCOUNTED = 3


class Backoff:
    """Waits that double up to a limit; chance spreads many clients that lost the same server."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._next_s = FIRST_S

    def reset(self) -> None:
        """Begin with short waits again."""
        self._next_s = FIRST_S

    async def pause(self, at_most_s: float = LONGEST_S) -> None:
        """Wait for the next try."""
        wait_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        await asyncio.sleep(min(wait_s * random.uniform(0.5, 1.0), at_most_s))  # noqa: S311 - no secret


class Deadline:
    """When one gives up. What this process itself stood still for is no time that the server had."""

    def __init__(self, now: Callable[[], float], limit_s: float) -> None:
        self._now = now
        self._began = self._try_began = now()
        self._ends_at = self._due = self._began + limit_s
        self._uncounted = _UNCOUNTED

    def next_try(self, most_s: float) -> float:
        """Begin to wait. Returns until when at most."""
        self._try_began = self._now()
        self._due = min(self._ends_at, self._try_began + most_s)
        return self._due

    def woke(self) -> None:
        """The wait is over: where that was seen too late, it does not count."""
        late_s = self._now() - self._due
        if late_s > 0:
            self._ends_at += late_s
        if late_s > STOOD_S and self._uncounted:
            self._uncounted -= 1
            self._ends_at += self._due - self._try_began

    def shorten(self, limit_s: float) -> None:
        """Give up so long after the beginning, if that is earlier."""
        self._ends_at = min(self._ends_at, self._began + limit_s)

    @property
    def left_s(self) -> float:
        """Seconds that are left; none: 0 or less."""
        return self._ends_at - self._now()
