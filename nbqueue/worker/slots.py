"""Whose the slots are: a job that runs holds one; one that waits for jobs of its own gives it back for that time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nbqueue.worker.room import Room, Taken

#: a job and the number of its claim
Key = tuple[str, int]

_NOTHING: Taken = (0, None, "")


class Slots:
    """The jobs under way, with what each takes: a slot of its lane, one of its queue, resources."""

    def __init__(self, room: Room, on_room: Callable[[], None] = lambda: None) -> None:
        self._room, self._on_room = room, on_room
        self._taken: dict[Key, Taken] = {}
        #: jobs that ever entered, and those of them that went back to the queue as they had come
        self.entered = self._went_back = 0
        self._resting: set[Key] = set()
        #: how many of them are of which lane
        self._at_rest = [0, 0]
        #: those that want to go on, the first in line first
        self._returning: dict[Key, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        """Jobs under way, those at rest among them."""
        return len(self._taken)

    @property
    def under_way(self) -> tuple[int, int]:
        """Jobs that have a slot, by lane: those at rest have none."""
        lanes = [taken[0] for key, taken in self._taken.items() if key not in self._resting]
        return (lanes.count(0), lanes.count(1))

    @property
    def begun(self) -> int:
        """Jobs that entered so far and did not go back."""
        return self.entered - self._went_back

    def enter(self, key: Key, taken: Taken) -> None:
        """A job was begun."""
        self._room.enter(*taken)
        self._taken[key] = taken
        self.entered += 1

    def leave(self, key: Key, *, is_back: bool = False) -> None:
        """A job ended, or went back to the queue as it had come."""
        self._went_back += is_back
        self._step_out_of_line(key)
        taken = self._taken.pop(key, _NOTHING)
        if key in self._resting:
            self._end_rest(key, taken)
        else:
            self._room.leave(*taken)
        self.give()

    def rest(self, key: Key) -> bool:
        """A job waits for others, which may have what it took; False where too many do. Once is as good as twice."""
        taken = self._taken.get(key)
        if taken is None or key in self._resting:
            return True
        if not self._room.may_rest(taken[0], self._at_rest[taken[0]]):
            return False
        self._step_out_of_line(key)
        self._resting.add(key)
        self._at_rest[taken[0]] += 1
        self._room.leave(*taken)
        self.give()
        self._on_room()
        return True

    def back(self, key: Key) -> asyncio.Future[None]:
        """It wants to go on: done when it has a slot. Nothing new is claimed into a slot that somebody waits for."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if key not in self._resting:
            granted.set_result(None)
            return granted
        self._end_rest(key, self._taken[key])
        self._room.enter(*self._taken[key])
        self._returning[key] = granted
        self.give()
        return granted

    def give(self) -> None:
        """Let those go on for whom there is room again."""
        line = [self._taken[key] for key in self._returning]
        refused: set[Taken] = set()
        for key in tuple(self._returning):
            taken = self._taken[key]
            if taken in refused:
                continue
            if self._room.holds(taken, line):
                line.remove(taken)
                self._step_out_of_line(key)
            else:
                refused.add(taken)

    def _end_rest(self, key: Key, taken: Taken) -> None:
        self._resting.discard(key)
        self._at_rest[taken[0]] -= 1

    def _step_out_of_line(self, key: Key) -> None:
        """It has a slot, or ends or rests again before it had one."""
        granted = self._returning.pop(key, None)
        if granted is not None and not granted.done():
            granted.set_result(None)
