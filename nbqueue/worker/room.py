"""How many jobs an engine has room for, and in which queues there may be more."""

from __future__ import annotations

from typing import NamedTuple

#: claims in one round trip, per lane
BATCH = 64
#: for each slot so many jobs may wait for jobs of their own, which keeps recursion from filling the machine
RESTING = 64


class Asked(NamedTuple):
    """A claim that is under way: for which queue, and the room it has in the loop's and the process lane."""

    queue: int
    room: tuple[int, int]


class Room:
    """Slots of the two lanes, 0 event loop and 1 process, and an appetite per queue."""

    def __init__(self, slots: tuple[int, int], queues: int, most_claims: int) -> None:
        self._slots = slots
        self._busy = [0, 0]
        #: jobs that wait for jobs of their own, and hold no slot
        self._resting = [0, 0]
        #: claims that may still be made; negative: as many as come
        self._claims_left = most_claims
        #: per queue and lane: whether there may be more to claim; never for a lane that has no slots at all
        self._hungry = [self._appetite() for _ in range(queues)]
        self._asking = False
        #: the room kept for a claim under way
        self._kept = (0, 0)
        self._closed = False

    @property
    def free(self) -> tuple[int, int]:
        """Jobs that could be begun, by lane."""
        return (0, 0) if self._closed else (self._free(0), self._free(1))

    @property
    def has_any(self) -> bool:
        """Whether a job could be begun, in the room that a claim under way keeps too: it may find none for it."""
        kept = self._kept
        return not self._closed and any(self._free(lane, kept[lane]) for lane in (0, 1))

    @property
    def is_hungry(self) -> bool:
        """Whether there may be more to claim."""
        return any(any(lanes) for lanes in self._hungry)

    def want(self) -> None:
        """There may be more to claim in every queue."""
        self._hungry = [self._appetite() for _ in self._hungry]

    def close(self) -> None:
        """Have room for nothing more."""
        self._closed = True

    def enter(self, lane: int) -> None:
        """A job was begun."""
        self._busy[lane] += 1

    def leave(self, lane: int) -> None:
        """A job ended."""
        self._busy[lane] -= 1

    def rest(self, lane: int) -> bool:
        """A job gives its slot back for a while; False where too many have done so."""
        if self._resting[lane] >= RESTING * self._slots[lane]:
            return False
        self._resting[lane] += 1
        self._busy[lane] -= 1
        return True

    def end_rest(self, lane: int) -> None:
        """It rests no longer."""
        self._resting[lane] -= 1

    def holds(self, lane: int, *, line: int) -> bool:
        """Whether there is a slot for the first of so many that were entered and stand in line for one."""
        return self._busy[lane] - line < self._slots[lane]

    def ask(self) -> Asked | None:
        """Keep room for a claim in the first queue that may have jobs we have room for; one is under way at a time."""
        if self._asking or self._closed:
            return None
        free = (min(self._free(0), BATCH), min(self._free(1), BATCH))
        for queue, lanes in enumerate(self._hungry):
            room = (free[0] if lanes[0] else 0, free[1] if lanes[1] else 0)
            if room != (0, 0):
                self._asking = True
                self._hungry[queue] = [lanes[0] and not room[0], lanes[1] and not room[1]]
                self._busy[0] += room[0]
                self._busy[1] += room[1]
                self._kept = room
                return Asked(queue, room)
        return None

    def answered(self, asked: Asked | None, *, failed: bool) -> None:
        """Give up the room that was kept for a claim."""
        if asked is None:
            return
        self._asking = False
        self._busy[0] -= asked.room[0]
        self._busy[1] -= asked.room[1]
        self._kept = (0, 0)
        if failed:
            self._hungry[asked.queue] = self._appetite()

    def found(self, asked: Asked, found: tuple[int, int], claims: int) -> None:
        """Learn from a claim's answer: where it found as many jobs as it had room for there may be more."""
        if self._claims_left > 0:
            self._claims_left -= claims
        for lane in (0, 1):
            if asked.room[lane] and found[lane] >= asked.room[lane]:
                self._hungry[asked.queue][lane] = True

    def _appetite(self) -> list[bool]:
        return [slots > 0 for slots in self._slots]

    def _free(self, lane: int, kept: int = 0) -> int:
        free = max(self._slots[lane] - self._busy[lane] + kept, 0)
        return free if self._claims_left < 0 else min(free, self._claims_left)
