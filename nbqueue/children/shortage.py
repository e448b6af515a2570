"""Whether a process was killed because memory ran out: what the kernel has counted, and how much there was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL

from nbqueue.model.cgroups import CGROUPS, MEMORY_LIMITS
from nbqueue.model.outcome import Shortage

#: where the kernel counts the processes that it has killed for memory, the nearest to us first: as `oom_kill 3`
COUNTERS = ("memory.events", "memory/memory.oom_control", "/proc/vmstat")
#: shares of the memory there is, from which one is believed to have run out of it: with a kill of the kernel's counted
#: (which may have been another process), and without
COUNTED_SHARE, LIKELY_SHARE = 0.1, 0.5


class Shortages:
    """Judges deaths by what the kernel has counted since the last one."""

    def __init__(self, counted: Callable[[], int] | None = None, room_bytes: Callable[[], int] | None = None) -> None:
        """Args: what reads the kernel's count, and the memory there is."""
        self._counted = counted or kills
        self._room_bytes = room_bytes or memory_bytes
        self._known = self._counted()

    def judge(self, signal: int | None, peak_bytes: int | None) -> Shortage:
        """Whether a process that a signal ended had run out of memory, by its peak of resident bytes."""
        before, self._known = self._known, self._counted()
        if signal != SIGKILL:
            return ""
        share = (peak_bytes or 0) / self._room_bytes()
        if self._known > before and share >= COUNTED_SHARE:
            return "counted"
        return "likely" if share >= LIKELY_SHARE else ""


def kills() -> int:
    """How many processes the kernel has killed for memory, near us or on this machine; 0 where it does not tell."""
    for path in _own_first(COUNTERS):
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            continue
        counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
        if counts and counts[0].isdigit():
            return int(counts[0])
    return 0


def memory_bytes() -> int:
    """The memory that this machine has, or the container that we are in."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _own_first(MEMORY_LIMITS):
        try:
            return min(int(path.read_text(encoding="ascii")), whole)
        except (OSError, ValueError):
            continue
    return whole


def _own_first(names: tuple[str, ...]) -> Iterator[Path]:
    """The files of our own cgroup, then those at the top, which a container sees as its own."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").partition("0::/")[2].strip()
    except OSError:
        own = ""
    if own:
        yield CGROUPS / own / names[0]
    for name in names:
        yield CGROUPS / name
