"""Large values of many jobs, read some at a time: so many bytes in one round trip, and so many in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from nbqueue.client.wire import BYTES_A_SECOND

T = TypeVar("T")

#: jobs and bytes of one round trip; one that is larger has a round trip of its own
PORTION_JOBS, PORTION_BYTES = 200, 8_000_000


class Room:
    """How many bytes may still be read."""

    def __init__(self, size_bytes: float = float("inf")) -> None:
        self._left = size_bytes

    def takes(self, size: int) -> bool:
        """Whether there is room for so many more, which is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True


def portions(wanted: Sequence[T], sizes: Sequence[int]) -> Iterator[tuple[list[T], float]]:
    """What is read together, and the seconds that it may take beside the usual."""
    part: list[T] = []
    total = 0
    for each, size in zip(wanted, sizes, strict=True):
        if part and (len(part) == PORTION_JOBS or total + size > PORTION_BYTES):
            yield part, total / BYTES_A_SECOND
            part, total = [], 0
        part.append(each)
        total += size
    if part:
        yield part, total / BYTES_A_SECOND
