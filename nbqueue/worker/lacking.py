"""What jobs need that this engine lacks while others have it: its claims leave such jobs to them for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from nbqueue.broker.claims import NONE_LACKED

#: seconds; then a job of the kind is claimed again, and with it found out whether the others are still there
LEFT_S = 2.0


class Lacking:
    """What is left to others, by queue."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: queue -> what is lacking -> until when it is left, and to which engines
        self._left: dict[str, dict[str, tuple[float, Sequence[str]]]] = {}

    def leave(self, queue: str, what: str, others: Sequence[str]) -> None:
        """Leave jobs of a queue that need this to these engines, from now on."""
        self._left.setdefault(queue, {})[what] = (self._clock() + LEFT_S, tuple(others))

    def is_left(self, queue: str, what: str) -> bool:
        """Whether such jobs are left to others now."""
        return what in self.of(queue)

    def of(self, queue: str) -> Mapping[str, Sequence[str]]:
        """What is left to others in a queue now, and to which engines."""
        if queue not in self._left:
            return NONE_LACKED
        now = self._clock()
        self._left[queue] = {what: left for what, left in self._left[queue].items() if left[0] > now}
        return {what: others for what, (_, others) in self._left[queue].items()}
