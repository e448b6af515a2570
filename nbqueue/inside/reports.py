"""What a job reports of itself, kept as the latest state and sent at most ten times a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from nbqueue.inside.budget import Budget
from nbqueue.inside.values import clean, clean_number, clean_text, encodable
from nbqueue.model.progress import BARS

#: seconds between two reports of one job
PERIOD_S = 0.1
_METRICS = 100
_MESSAGE = 500
_NAME = 60


class Sink(Protocol):
    """Where the reports of one job go."""

    def progress(self, wire: dict[str, Any]) -> None:
        """Take the merged progress, as plain JSON."""

    def log(self, text: str) -> None:
        """Take lines of the job's log."""

    def checkpoint(self, data: bytes) -> None:
        """Take what the next attempt may start from."""

    def partial(self, value: Any) -> None:
        """Take what is handed back where the code is stopped and hands back nothing itself; the last one counts."""


class Ticker(Protocol):
    """What calls a report's `tick` in time."""

    def start(self, tick: Callable[[], bool]) -> None:
        """Call `tick` soon and then each PERIOD_S until it gives False; never blocks, from any thread."""


class Reports:
    """The latest progress, metrics and lines of one job.

    A call only stores values and, after a silence, wakes the ticker: the first report goes out
    at once, the last one always does, and the job's own thread never writes to a socket.
    """

    def __init__(self, sink: Sink, ticker: Ticker) -> None:
        self._sink = sink
        self._ticker = ticker
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._ticking = False
        self._closed = False
        self._moved = False
        #: whether the job has reported progress itself
        self._own = False
        self._done: Any = 0.0
        self._total: Any = None
        self._message: Any = ""
        self._bars: dict[str, tuple[Any, Any]] = {}
        self._metrics: dict[str, Any] = {}
        self._lines: list[str] = []
        self._budget = Budget()

    @property
    def is_moving(self) -> bool:
        """Whether the job has reported progress itself."""
        return self._own

    def progress(self, done: Any, total: Any = None, message: Any = None) -> None:
        """Set how far the job is; None keeps the total and the message as they were."""
        self._own = True
        self._done = done
        if total is not None:
            self._total = total
        if message is not None:
            self._message = message
        self._moved = True
        if not self._ticking:
            self._wake()

    def bar(self, name: str, done: Any, total: Any = None) -> None:
        """Set how far a part of the job is; beyond BARS of them others are left out."""
        with self._lock:
            if total is None:
                _, total = self._bars.get(name, (None, None))
            self._bars = {**self._bars, name: (done, total)}
        self._moved = True
        if not self._ticking:
            self._wake()

    def end_bar(self, name: str) -> None:
        """Show this part no more."""
        with self._lock:
            self._bars = {each: value for each, value in self._bars.items() if each != name}
        self._moved = True
        if not self._ticking:
            self._wake()

    def of_others(self, done: int, total: int) -> None:
        """Set how far the jobs are that this one waits for: that is its progress, unless it reports any itself."""
        if self._own:
            return
        self._done, self._total, self._moved = done, total, True
        if not self._ticking:
            self._wake()

    def metrics(self, found: dict[str, Any]) -> None:
        """Merge the given metrics into the reported ones."""
        with self._lock:
            self._metrics = {**self._metrics, **found}
        self._moved = True
        if not self._ticking:
            self._wake()

    def write(self, text: str) -> None:
        """Add text to the job's log, as far as its budget goes."""
        with self._lock:
            mark, passed = self._budget.pass_through(len(text))
            if not passed:
                return
            self._lines.append(mark + text[:passed])
        if not self._ticking:
            self._wake()

    def tick(self) -> bool:
        """Send what is new; False (and no more ticks) where nothing was."""
        if self._closed:
            return False
        if self._send():
            return True
        with self._lock:
            self._ticking = False  # first, so that who stores a value meanwhile either wakes us or is seen here
            if self._moved or self._lines:
                self._ticking = True
            return self._ticking

    def close(self) -> None:
        """Send the last word; what comes later is nobody's."""
        self._closed = self._ticking = True
        self._send()
        if self._budget.dropped:
            self._guarded(self._sink.log, self._budget.mark())

    def silence(self) -> None:
        """Send nothing from now on (a forked copy of a job's process must not speak for it)."""
        self._closed = self._ticking = True

    def _wake(self) -> None:
        with self._lock:
            if self._ticking or self._closed:
                return
            self._ticking = True
        self._ticker.start(self.tick)

    def _send(self) -> bool:
        with self._sending:
            moved, self._moved = self._moved, False
            with self._lock:
                lines, self._lines = self._lines, []
            if lines:
                self._guarded(self._sink.log, encodable("".join(lines)))
            if moved:
                self._guarded(self._sink.progress, self._wire())
        return bool(moved or lines)

    def _wire(self) -> dict[str, Any]:
        found: dict[str, Any] = {"done": clean_number(self._done) or 0}
        total = clean_number(self._total)
        if total is not None:
            found["total"] = total
        if self._message:
            found["message"] = clean_text(self._message, _MESSAGE)
        if self._metrics:
            found["metrics"] = clean(dict(list(self._metrics.items())[:_METRICS]))
        if self._bars:
            found["bars"] = [
                [clean_text(name, _NAME), clean_number(done) or 0, clean_number(total)]
                for name, (done, total) in list(self._bars.items())[:BARS]
            ]
        return found

    @staticmethod
    def _guarded(send: Callable[[Any], None], what: Any) -> None:
        try:
            send(what)
        except Exception:  # a report must never change the fate of its job
            logging.getLogger("nbqueue").warning("A report of the job could not be sent.", exc_info=True)
