"""Large values of many jobs, read some at a time: so many bytes in one round trip, and so many in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from nbqueue.client.wire import BYTES_A_SECOND
from nbqueue.model.job import JobRecord

T = TypeVar("T")

#: why nothing is read of a job: there is nothing any more, or others before it left no room for it
NOT_KEPT, NO_ROOM = "kept no longer", "not read, as others before it are too large"

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


def portions_within(
    room: Room, records: Sequence[JobRecord], sizes: Sequence[int], refused: dict[str, Any]
) -> Iterator[tuple[list[JobRecord], float]]:
    """The portions of those jobs of which something is kept and has room; of the others `refused` tells why."""
    wanted: list[JobRecord] = []
    taken: list[int] = []
    for record, size in zip(records, sizes, strict=True):
        if size and room.takes(size):
            wanted.append(record)
            taken.append(size)
        else:
            refused[record.id] = NO_ROOM if size else NOT_KEPT
    return portions(wanted, taken)


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
