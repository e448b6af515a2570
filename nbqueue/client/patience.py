"""How long the client tries: growing waits with some chance in them."""

from __future__ import annotations

import asyncio
import random

#: seconds of the first wait, and of the longest
FIRST_S = 0.05
LONGEST_S = 2.0


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
