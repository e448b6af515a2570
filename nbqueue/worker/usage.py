"""What an engine uses of its machine: CPU and memory of its process and of all below it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from nbqueue.children import lineage

#: up to here pages that processes share count once, which takes longer to find out the more there are
EXACT_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Used:
    """What a family of processes used since the last look, and holds now."""

    #: 100 is one core; None at the first look, which has nothing to compare with
    cpu_percent: float | None
    memory_bytes: int


class Usage:
    """Looks at this process and all below it now and then; a look takes a millisecond or two."""

    def __init__(self, pid: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = os.getpid() if pid is None else pid
        self._clock = clock
        self._before: dict[int, float] = {}
        self._looked_at: float | None = None

    def look(self) -> Used:
        """What was used since the last look; may be called in any thread, by one at a time."""
        now = self._clock()
        times = _cpu_times((self._pid, *lineage.descendants(self._pid)))
        percent = None
        if self._looked_at is not None and now > self._looked_at:
            # of one that began in between all counts; what one that has ended used last is not known
            spent_s = sum(max(spent - self._before.get(pid, 0.0), 0.0) for pid, spent in times.items())
            percent = 100 * spent_s / (now - self._looked_at)
        self._before, self._looked_at = times, now
        return Used(percent, _memory_bytes(self._pid, times))


def _cpu_times(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds of each process that is there."""
    found: dict[int, float] = {}
    for pid in pids:
        with suppress(psutil.Error, OSError):
            spent = psutil.Process(pid).cpu_times()
            found[pid] = spent.user + spent.system
    return found


def _memory_bytes(pid: int, family: Iterable[int]) -> int:
    resident = sum(map(lineage.resident_bytes, family))
    # a limit of nothing has the shared pages counted once
    return resident if resident > EXACT_BYTES else lineage.family_bytes(pid, 0)
