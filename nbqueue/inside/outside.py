"""What the same calls do outside a job: a line on the terminal, a value kept in memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import monotonic
from typing import Any

from nbqueue.inside.reports import PERIOD_S
from nbqueue.inside.values import clean, clean_number, clean_text

_WIDTH = 79
_NOTHING = object()


class Terminal:
    """Draws progress as one line on stderr where that is a terminal, else nothing."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._drawn_at = 0.0
        self._kept: Any = _NOTHING

    def progress(self, done: Any, total: Any, message: Any) -> None:
        """Draw how far it is, at most ten times a second and always at the end."""
        given = {"done": done, "total": total, "message": message}
        self._state.update({name: value for name, value in given.items() if value is not None})
        finished = total is not None and clean_number(done) == clean_number(total)
        if finished or monotonic() - self._drawn_at >= PERIOD_S:
            self._draw("\n" if finished else "")
        if finished:
            self._state = {}

    def metrics(self, found: dict[str, Any]) -> None:
        """Draw the metrics behind the bar."""
        self._state["metrics"] = {**self._state.get("metrics", {}), **found}
        if monotonic() - self._drawn_at >= PERIOD_S:
            self._draw("")

    def keep(self, value: Any) -> None:
        """Keep a checkpoint's value in memory."""
        self._kept = value

    def kept(self, default: Any) -> Any:
        """The last value kept, else the default."""
        return default if self._kept is _NOTHING else self._kept

    def _draw(self, end: str) -> None:
        stream = sys.stderr
        if stream is None or not stream.isatty():
            return
        self._drawn_at = monotonic()
        stream.write("\r" + self._line()[:_WIDTH].ljust(_WIDTH) + end)
        stream.flush()

    def _line(self) -> str:
        done, total = clean_number(self._state.get("done", 0)) or 0, clean_number(self._state.get("total"))
        share = f"{min(done / total, 1):4.0%} {done:g}/{total:g}" if total else f"{done:g}"
        metrics = " ".join(f"{name}={clean(value)}" for name, value in self._state.get("metrics", {}).items())
        return " ".join(part for part in (share, clean_text(self._state.get("message", "")), metrics) if part)


#: the terminal of this process
TERMINAL = Terminal()


def processors() -> int:
    """How many processors this process may use: its affinity and its cgroup's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, _quota(affinity)))


def _quota(otherwise: int) -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):
        return otherwise
