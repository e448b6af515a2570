"""Whose turn it is among queues that share the slots of one lane."""

from __future__ import annotations

from collections.abc import Sequence


class Turns:
    """Hands slots to queues by their weights (start-time fair queueing), or strictly to the first.

    Each queue has a clock that a slot moves on by one through its weight, and the one that is furthest behind is next.
    A queue that had nothing to run catches up with the others when it comes back, so that it saves nothing up.
    """

    def __init__(self, weights: Sequence[int], *, strict: bool = False) -> None:
        self._weights = tuple(weights)
        self._strict = strict
        self._clocks = [0.0] * len(self._weights)
        self._resting = [True] * len(self._weights)
        #: the clock of the queue that was last next: none that waits is behind it
        self._now = 0.0

    def next(self, among: Sequence[int]) -> int:
        """The queue that gets the next slot, of those that may have a job for it."""
        if self._strict:
            return min(among)
        for queue in among:
            if self._resting[queue]:
                self._resting[queue] = False
                self._clocks[queue] = max(self._clocks[queue], self._now)
        chosen = min(among, key=self._clocks.__getitem__)
        self._now = self._clocks[chosen]
        self._clocks[chosen] += 1 / self._weights[chosen]
        return chosen

    def take(self, queue: int, slots: int) -> None:
        """So many slots go to a queue that alone may have jobs for them."""
        self.next((queue,))
        self._clocks[queue] += (slots - 1) / self._weights[queue]

    def give_back(self, queue: int, slots: int) -> None:
        """So many slots of a queue were not used."""
        self._clocks[queue] -= slots / self._weights[queue]

    def rest(self, queue: int) -> None:
        """A queue had fewer jobs than slots."""
        self._resting[queue] = True
