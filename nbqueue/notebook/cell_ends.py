"""Tells when a cell has ended, in the name of that cell: a program that runs a notebook keeps nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbqueue.notebook.publish import shell

_EVENT = "post_run_cell"


class CellEnds:
    """Calls something after each cell, from its first use on, until it is stopped."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._events: Any = None

    def begin(self) -> None:
        """Call it from now on; twice is once."""
        found = shell()
        if self._events is None and found is not None:
            self._events = found.events
            self._events.register(_EVENT, self._ended)

    def stop(self) -> None:
        """Call it no more."""
        events, self._events = self._events, None
        if events is not None:
            events.unregister(_EVENT, self._ended)

    def _ended(self, *_: object) -> None:
        self._act()
