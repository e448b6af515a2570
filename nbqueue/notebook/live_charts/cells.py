"""In which cells live charts are shown: one whose cell runs again has lost its output, and ends."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from nbqueue.notebook.publish import shell

_EVENT = "pre_run_cell"


class Ends(Protocol):
    """Something shown in a cell. Does not raise."""

    def end(self) -> None:
        """Leave a picture where it lived."""
        ...


class ByCell:
    """What is shown, each with its cell's id; empty where the front end does not tell it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: dict[Ends, str] = {}
        self._events: Any = None

    def add(self, chart: Ends) -> None:
        """It is shown by the running cell."""
        found = shell()
        with self._lock:
            self._shown[chart] = cell_id()
            if self._events is None and found is not None:
                self._events = found.events
                self._events.register(_EVENT, self._runs)

    def drop(self, chart: Ends) -> None:
        """It has ended; with the last one no cell is watched any more."""
        with self._lock:
            self._shown.pop(chart, None)
            events, self._events = (None, self._events) if self._shown else (self._events, None)
        if events is not None:
            events.unregister(_EVENT, self._runs)

    def all(self) -> list[Ends]:
        """Those that are shown."""
        with self._lock:
            return list(self._shown)

    def _runs(self, info: Any = None) -> None:
        """A cell begins: what it showed before is gone from the page."""
        runs = str(getattr(info, "cell_id", None) or "")
        with self._lock:
            gone = [chart for chart, cell in self._shown.items() if runs and cell == runs]
        for chart in gone:
            chart.end()


def cell_id() -> str:
    """The id of the running cell; empty where it is not known."""
    try:
        return str(shell().get_parent()["metadata"]["cellId"])
    except (AttributeError, KeyError, TypeError):
        return ""  # a terminal, or a program that runs code
