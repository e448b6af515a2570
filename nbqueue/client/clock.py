"""The server's clock, as well as this process knows it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

#: how often it is compared while the stream of changes is read
COMPARE_S = 60.0


class Clock:
    """Tells the server's time. Read it from any thread: reading never waits.

    It is told by the clock of this machine that nobody sets, so that no correction of the other one shows.
    """

    def __init__(self) -> None:
        #: server's time at the zero of our monotonic clock
        self._zero_s: float | None = None
        #: when it was compared, on the monotonic clock
        self._compared_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it was not compared for long."""
        return self._zero_s is None or time.monotonic() - self._compared_at > COMPARE_S

    async def compare(self, ask: Callable[[], Awaitable[tuple[int, int]]]) -> None:
        """Ask the server for its seconds and microseconds, which are those of the middle of the way there and back."""
        asked_at = time.monotonic()
        whole, micro = await ask()
        self._compared_at = time.monotonic()
        self._zero_s = whole + micro / 1_000_000 - (asked_at + self._compared_at) / 2

    def now(self) -> datetime:
        """The server's time; before it was compared, that of this machine."""
        if self._zero_s is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(self._zero_s + time.monotonic(), tz=UTC)
