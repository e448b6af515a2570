"""Says below a cell whose waiting was interrupted what goes on, where the error cannot say it itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.client import waits

#: jobs and groups that are named
NAMED = 3


class Watch:
    """Looks at the waits of each cell: what asyncio waits with (as_completed, TaskGroup) raises errors of its own."""

    def __init__(self) -> None:
        self._mark = 0
        self._events: dict[str, Callable[[Any], None]] = {"pre_run_cell": self._begun, "post_run_cell": self._ended}

    def begin(self, shell: Any) -> None:
        """Look from now on; twice is once."""
        self.end(shell)
        self._mark = waits.mark()
        for name, act in self._events.items():
            shell.events.register(name, act)

    def end(self, shell: Any) -> None:
        """Look no more."""
        for name, act in self._events.items():
            if act in shell.events.callbacks[name]:
                shell.events.unregister(name, act)

    def _begun(self, _: Any) -> None:
        self._mark = waits.mark()

    def _ended(self, result: Any) -> None:
        error = result.error_in_exec
        if isinstance(error, asyncio.CancelledError):
            said = "".join(error._render_traceback_()) if hasattr(error, "_render_traceback_") else ""
            left = [words for words in waits.since(self._mark) if words not in said]
            if left:
                sys.stderr.write(f"nbqueue: {'' if said else 'stopped waiting; '}{in_words(left)}.\n")


def in_words(left: Sequence[str]) -> str:
    """What goes on, and how to come back or to end it."""
    *others, last = [*left[:NAMED], f"{len(left) - NAMED:,} more"] if len(left) > NAMED else left
    names = f"{', '.join(others)} and {last}" if others else last
    verb, it = ("go", "them") if others else ("goes", "it")
    return f"{names} {verb} on: await {it} again, or cancel() stops {it}"


watch = Watch()
