"""Where runs wait for a child and which child they get: one at a time, or many in a loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from nbqueue.children import lineage
from nbqueue.children.frames import LOOP, SOLO, Header
from nbqueue.children.host import Host
from nbqueue.children.running import Running

#: a pool child that holds more is replaced, and so is one whose memory has doubled since its first run
_LARGE_BYTES = 10**9
#: below this, doubling means nothing
_SMALL_BYTES = 128 * 2**20
#: a loop that does not take a run for so long is busy with itself: others go elsewhere
_CLOGGED_S = 0.5
#: after so many runs a loop child's memory is looked at
_LOOK_EVERY = 1_000

#: makes a child of a kind and a family; None where there is no room for one now, and `freed` is called later
Bear = Callable[[str, str], Host | None]


class Lane(Protocol):
    """Gives runs to children, and lets them wait where there is no room."""

    def place(self, running: Running) -> None:
        """Give it a child now or as soon as there is room."""

    def withdraw(self, running: Running) -> bool:
        """Take back a run that still waits; False where it does not."""

    def ended(self, host: Host, running: Running, header: Header) -> None:
        """A run ended and its child lives."""

    def died(self, host: Host) -> None:
        """A child is gone, and its runs with it."""

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: until it comes back, another may have its room."""

    def back(self, running: Running) -> None:
        """It goes on, or has ended."""

    def freed(self) -> None:
        """A run ended in any way: those that wait may have room."""


class Waiting:
    """Runs in the order they came, as long as there is no room."""

    def __init__(self) -> None:
        self._waiting: deque[Running] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    def add(self, running: Running) -> None:
        """At the end of the line."""
        self._waiting.append(running)

    def withdraw(self, running: Running) -> bool:
        """Leave the line; False where it was not in it."""
        if running not in self._waiting:
            return False
        self._waiting.remove(running)
        return True

    def take(self, count: int) -> list[Running]:
        """The first in line, at most `count`, taken out of it."""
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]


class SoloLane:
    """Children that run one job at a time: warm ones kept in a pool, or a fresh one for a job alone."""

    def __init__(self, bear: Bear, slots: int, recycle_after: int) -> None:
        self._bear = bear
        self._slots = slots
        self._recycle_after = recycle_after
        self._idle: list[Host] = []
        self._busy: dict[int, Host] = {}
        #: the numbers of those that wait for jobs of their own
        self._resting: set[int] = set()
        self._waiting = Waiting()

    def warm(self) -> None:
        """Have one child ready where another run could start."""
        if not self._idle and self._room() > 0 and (host := self._bear(SOLO, "")) is not None:
            self._idle.append(host)

    def place(self, running: Running) -> None:
        """Give it a child now or as soon as there is room."""
        if self._room() <= 0 or (host := self._child_for(running)) is None:
            self._waiting.add(running)
            return
        self._busy[running.number] = host
        host.take(running)
        self.warm()

    def withdraw(self, running: Running) -> bool:
        """Take back a run that still waits; False where it does not."""
        return self._waiting.withdraw(running)

    def ended(self, host: Host, running: Running, header: Header) -> None:
        """Keep the child for the next run where it is fit for it."""
        self._busy.pop(running.number, None)
        if self._is_fit(host, running, header):
            self._idle.append(host)
            self._make_room(host)
        elif running.stopped_by:
            host.kill()
        else:
            host.leave()

    def died(self, host: Host) -> None:
        """A child is gone, and its run with it."""
        if host in self._idle:
            self._idle.remove(host)
        for number in [number for number, busy in self._busy.items() if busy is host]:
            del self._busy[number]

    def freed(self) -> None:
        """Place who waits, while there is room."""
        for running in self._waiting.take(max(self._room(), 0)):
            self.place(running)
        self.warm()

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: until it comes back, another may have its room."""
        if running.number in self._busy:
            self._resting.add(running.number)

    def back(self, running: Running) -> None:
        """It goes on, or has ended."""
        self._resting.discard(running.number)

    def _room(self) -> int:
        return self._slots - len(self._busy) + len(self._resting)

    def _child_for(self, running: Running) -> Host | None:
        """The idle child used last, whose memory is warmest; for a fresh run one that was never used; or a new one."""
        fresh = running.run.isolation == "fresh"
        for index in range(len(self._idle) - 1, -1, -1):
            if _suits(self._idle[index], running) and (not fresh or self._idle[index].served == 0):
                return self._idle.pop(index)
        return self._bear(SOLO, running.family)

    def _make_room(self, kept: Host) -> None:
        """Let go of who is idle for longest, and has loaded something else, where there are more than can be used."""
        others = [host for host in self._idle if host.loaded != kept.loaded]
        for host in others[: max(len(self._idle) - self._room(), 0)]:
            self._idle.remove(host)
            host.leave()

    def _is_fit(self, host: Host, running: Running, header: Header) -> bool:
        resident = header.get("rss") or 0
        host.first_resident_bytes = host.first_resident_bytes or resident
        return (
            header.get("fit") is True
            and not host.leaving
            and not running.stopped_by
            and running.run.isolation != "fresh"
            and host.served < self._recycle_after
            and resident < min(max(2 * host.first_resident_bytes, _SMALL_BYTES), _LARGE_BYTES)
        )


class LoopLane:
    """Children that run many jobs at once; a job that must not share has one to itself."""

    def __init__(self, bear: Bear, slots: int, now: Callable[[], float]) -> None:
        self._bear = bear
        self._slots = slots
        self._now = now
        self._hosts: list[Host] = []
        self._apart: list[Host] = []
        #: the numbers of runs that wait for jobs of their own
        self._resting: set[int] = set()
        self._waiting = Waiting()

    def warm(self) -> None:
        """Have a child ready."""
        if not self._hosts and (born := self._bear(LOOP, "")) is not None:
            self._hosts.append(born)

    def place(self, running: Running) -> None:
        """Give it a child now or as soon as there is room."""
        alone = running.run.isolation == "fresh" or running.run.memory_bytes is not None
        if self._room() <= 0 or (host := (self._apart_child if alone else self._shared)(running)) is None:
            self._waiting.add(running)
        else:
            host.take(running)

    def withdraw(self, running: Running) -> bool:
        """Take back a run that still waits; False where it does not."""
        return self._waiting.withdraw(running)

    def ended(self, host: Host, running: Running, header: Header) -> None:
        """Let a child go that had its one run, or grew too large."""
        del running, header
        if host in self._apart:
            if not host.runs:
                self._apart.remove(host)
                host.leave()
        elif host.served % _LOOK_EVERY == 0 and host.pid and lineage.resident_bytes(host.pid) > _LARGE_BYTES:
            self._hosts.remove(host)
            self._apart.append(host)
        elif not host.runs and any(self._is_instead(other, host) for other in self._hosts):
            self._hosts.remove(host)
            host.leave()

    def died(self, host: Host) -> None:
        """A child is gone, and its runs with it."""
        for hosts in (self._hosts, self._apart):
            if host in hosts:
                hosts.remove(host)

    def freed(self) -> None:
        """Place who waits, while there is room."""
        if self._waiting.is_empty:
            return
        for running in self._waiting.take(max(self._room(), 0)):
            self.place(running)

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: until it comes back, another may have its room."""
        self._resting.add(running.number)

    def back(self, running: Running) -> None:
        """It goes on, or has ended."""
        self._resting.discard(running.number)

    def _room(self) -> int:
        return self._slots + len(self._resting) - sum([len(host.runs) for host in (*self._hosts, *self._apart)])

    def _is_clogged(self, host: Host) -> bool:
        """Whether its loop has not turned for a while; a child that is not born yet has an excuse."""
        return host.pid is not None and host.unseen_since is not None and self._now() - host.unseen_since > _CLOGGED_S

    def _is_instead(self, other: Host, host: Host) -> bool:
        """Whether what one child is kept for can be had of another."""
        return other is not host and other.loaded == host.loaded and not self._is_clogged(other)

    def _apart_child(self, running: Running) -> Host | None:
        host = self._bear(LOOP, running.family)
        if host is not None:
            self._apart.append(host)
        return host

    def _shared(self, running: Running) -> Host | None:
        """A child whose loop turns; another one where none does."""
        for host in self._hosts:
            if _suits(host, running) and not self._is_clogged(host):
                return host
        born = self._bear(LOOP, running.family)
        if born is not None:
            self._hosts.append(born)
        return born


def _suits(host: Host, running: Running) -> bool:
    """Whether a child takes more runs, and has loaded what this one wants, or nothing that another could not bear."""
    return not host.leaving and (running.family in host.loaded if running.family else not host.loaded)
