"""How a child's process ended, and who wanted it to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from nbqueue.children.running import Running
from nbqueue.model.outcome import Died, Shortage


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a child's process ended, as its zygote saw it."""

    #: the status of wait4; None where nobody saw it
    status: int | None = None
    cpu_s: float | None = None
    peak_memory_bytes: int | None = None
    #: whether the machine's memory had run out
    shortage: Shortage = ""
    #: why, where it is known and was not its own doing
    reason: str = ""

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended it, or None."""
        if self.status is None:
            return 9
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, or None if a signal ended it."""
        if self.status is None or os.WIFSIGNALED(self.status):
            return None
        return os.WEXITSTATUS(self.status)

    def of(self, running: Running, stack: str, killing: Killing) -> Died:
        """The end of a run that was in it."""
        over_limit = killing.over_memory and running in killing.culprits
        return Died(
            exit_code=self.exit_code,
            signal=self.signal,
            stack=stack,
            peak_memory_bytes=max(self.peak_memory_bytes or 0, running.peak_memory_bytes or 0) or None,
            memory_limit_bytes=running.run.memory_bytes if over_limit else None,
            shortage=self.shortage,
            reason=self.reason,
            killed_after_s=killing.after_stop_s(running),
        )


@dataclass(slots=True)
class Killing:
    """Why we killed a child, if we did."""

    #: the runs for whose sake it was killed; the others in it are innocent
    culprits: list[Running] = field(default_factory=list)
    #: whether a memory limit was passed
    over_memory: bool = False
    #: what it did that no child may do; empty: nothing
    breach: str = ""
    #: whether to kill it as soon as it has a process id
    at_birth: bool = False

    def after_stop_s(self, running: Running) -> float | None:
        """Seconds from a run's stop to the kill, where it did not end in time and that is why it died; else None."""
        for_it = running in self.culprits and not self.over_memory and not self.breach
        return running.run.kill_after_s if for_it and running.stopped_by is not None else None
