"""Whose the slots are: a job that runs holds one; one that waits for jobs of its own gives it back for that time."""

from __future__ import annotations

import asyncio
from collections import deque

from nbqueue.worker.room import Room

#: a job and the number of its claim
Key = tuple[str, int]


class Slots:
    """The jobs under way, by the lane whose room they take."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lanes: dict[Key, int] = {}
        self._resting: set[Key] = set()
        #: those that want a slot again, the first in line first
        self._returning: tuple[deque[tuple[Key, asyncio.Future[None]]], ...] = (deque(), deque())

    def __len__(self) -> int:
        """Jobs under way, those at rest among them."""
        return len(self._lanes)

    def enter(self, key: Key, lane: int) -> None:
        """A job was begun."""
        self._room.enter(lane)
        self._lanes[key] = lane

    def leave(self, key: Key) -> None:
        """A job ended."""
        lane = self._lanes.pop(key, None)
        if lane is None:
            self._room.leave(0)
        elif key in self._resting:
            self._resting.discard(key)
            self._room.end_rest(lane)
        else:
            self._step_out_of_line(key, lane)
            self._room.leave(lane)
        self.give()

    def rest(self, key: Key) -> bool:
        """A job waits for others, which may have its slot; False where too many do. Told again it changes nothing."""
        lane = self._lanes.get(key)
        if lane is None or key in self._resting:
            return True
        if not self._room.rest(lane):
            return False
        self._step_out_of_line(key, lane)
        self._resting.add(key)
        self.give()
        return True

    def back(self, key: Key) -> asyncio.Future[None]:
        """It wants to go on: done when it has a slot. Nothing new is claimed into a slot that somebody waits for."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane = self._lanes.get(key)
        if lane is None or key not in self._resting:
            granted.set_result(None)
            return granted
        self._resting.discard(key)
        self._room.end_rest(lane)
        self._room.enter(lane)
        self._returning[lane].append((key, granted))
        self.give()
        return granted

    def give(self) -> None:
        """Give slots that are free to those who wait for one."""
        for lane, line in enumerate(self._returning):
            while line and self._room.holds(lane, line=len(line)):
                _, granted = line.popleft()
                if not granted.done():
                    granted.set_result(None)

    def _step_out_of_line(self, key: Key, lane: int) -> None:
        """It ends, or rests again, before it had its slot."""
        line = self._returning[lane]
        for entry in [entry for entry in line if entry[0] == key]:
            line.remove(entry)
            if not entry[1].done():
                entry[1].set_result(None)
