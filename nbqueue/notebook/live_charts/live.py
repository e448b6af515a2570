"""`nbqueue.charts.live()`: a chart of the history that follows it."""

from __future__ import annotations

import base64
import logging
import math
import sys
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future
from html import escape
from typing import TYPE_CHECKING

from nbqueue.client.named import Named, name_of, queue_named, tag_named
from nbqueue.client.session import Session, session
from nbqueue.display import wording
from nbqueue.model import durations
from nbqueue.model.durations import Duration
from nbqueue.model.moments import Moment
from nbqueue.notebook import publish, server
from nbqueue.notebook.live_charts.cells import ByCell
from nbqueue.notebook.live_charts.reading import Reading
from nbqueue.notebook.live_charts.wanted import PAGE_DPI, SIZE, Chart, Wanted, chart_of
from nbqueue.notebook.outputs import Outputs
from nbqueue.notebook.publish import Place, place
from nbqueue.notebook.ticker import shared

if TYPE_CHECKING:
    from nbqueue.notebook.live_charts.panel import Panel

#: seconds between two looks at least
LEAST_S = 0.5
#: how long the first picture is waited for before a live chart is shown, and the only one of a static chart; how often
#: it is looked for
FIRST_S, ONLY_S, LOOK_S = 2.0, 30.0, 0.02

_log = logging.getLogger(__name__)
_shown = ByCell()


class LiveChart:
    """A chart that is drawn anew as jobs end. At the end of a cell it is shown; `close()` ends it, a picture stays."""

    def __init__(
        self, chart: str | Chart, wanted: Wanted, of: Session, *, every_s: float, close_after_s: float
    ) -> None:
        self._name, draws = chart_of(chart)
        self._session = of
        self._reading = Reading(wanted, draws, every_s, lambda: server.is_up(of.settings))
        self._close_after_s = close_after_s
        self._lock = threading.RLock()
        self._run: Future[None] | None = None
        self._panel: Panel | None = None
        self._outputs = Outputs()
        self._began, self._drawn = 0.0, -1
        self._closing = False
        #: whether it has ended, and its last picture is shown
        self.over = False

    def show(self) -> None:
        """Show it below the running cell; where it was shown before, a picture stays."""
        where = place()
        if where in (Place.TERMINAL, Place.FINAL_LINE):
            draws = f"nbqueue.charts.{self._name}(nbqueue.history().wait())"
            sys.stdout.write(f"A live chart needs a notebook. Here {draws} draws one.\n")
        elif where is Place.WIDGETS and not (self._closing or self.over):
            self._show_live()
        else:
            if self._run is None:
                self._run = self._session.call(self._reading.look)
                self._wait(ONLY_S)
            publish.publish(self._picture())

    def close(self) -> None:
        """Read the history no more, and leave what is shown as it is now."""
        self._closing = True
        if self._run is not None:
            self._run.cancel()
        if self._panel is None:
            self.over = True

    def redraw(self) -> int:
        """Send what changed since the last time; how many messages that took. For the ticker."""
        with self._lock:
            if self.over:
                return 0
            try:
                return self._end() if self._is_ending() else self._draw()
            except Exception as error:  # noqa: BLE001 - whatever it is, a picture stops nothing else
                _log.warning("A live chart could not be shown; nothing else is affected.", exc_info=error)
                self.over = True
                self.close()
                _shown.drop(self)
                return 0

    def end(self) -> None:
        """Close it here and now."""
        with self._lock:
            if not self.over:
                self.close()
                self.redraw()
            self.over = True

    def _show_live(self) -> None:
        from nbqueue.notebook.live_charts.panel import Panel  # ipywidgets is heavy

        if self._run is None:
            self._run, self._began = self._session.call(self._reading.run), time.monotonic()
        self._wait(FIRST_S)
        with self._lock:
            if self._outputs.shown:
                self._outputs.save(self._picture())
                self._outputs.leave()
                self._outputs = Outputs()
            # a page knows widgets by their place: another place has others
            before, self._panel = self._panel, Panel(self.close, round(SIZE[0] * PAGE_DPI))
            if before is not None:
                before.close()
            self._drawn = -1
            self._draw()
            self._outputs.show(self._picture(), self._panel.mime())
            _shown.add(self)
        shared.add(self)

    def _wait(self, patience_s: float) -> None:
        began = time.monotonic()
        while not self._reading.seen.version and time.monotonic() - began < patience_s:
            if self._run is None or self._run.done():
                break
            time.sleep(LOOK_S)

    def _draw(self) -> int:
        seen = self._reading.seen
        sent = self._outputs.save(self._picture()) if self._outputs.is_due else 0
        if seen.version == self._drawn or self._panel is None:
            return sent
        self._drawn = seen.version
        return sent + self._panel.draw(self._words(), self._outputs.hides, seen.png)

    def _is_ending(self) -> bool:
        late = self._run is not None and time.monotonic() - self._began > self._close_after_s
        gone = self._panel is not None and self._panel.is_closed
        return self._closing or late or gone or self._run is None or self._run.done()

    def _end(self) -> int:
        """Leave a picture where the widgets were."""
        self.over = True
        self.close()
        sent = self._outputs.save(self._picture()) + self._outputs.leave()
        if self._panel is not None:
            self._panel.close()
        _shown.drop(self)
        return sent

    def _picture(self) -> publish.Bundle:
        """The picture as it is now, with its words."""
        png, words = self._reading.seen.png, self._words()
        data = base64.b64encode(png).decode()
        size = f'width="{round(SIZE[0] * PAGE_DPI)}" style="max-width:100%;height:auto"'
        image = f'<img alt="{escape(words)}" {size} src="data:image/png;base64,{data}">' if png else ""
        return {"text/html": f"<div><div>{escape(words)}</div>{image}</div>", "text/plain": words}

    def _words(self) -> str:
        seen = self._reading.seen
        if seen.at is None:
            is_closed = self._closing or self.over
            none = "closed before anything was drawn" if is_closed else "reading the history ..."
            return wording.line(f"{self._name}: {seen.problem or none}", 400)
        told = f"{self._name}: {seen.attempts:,} attempts, as of {wording.clock(seen.at)}"
        return wording.line(f"{told}; {seen.problem}" if seen.problem else told, 400)

    def _ipython_display_(self) -> None:
        self.show()

    def __repr__(self) -> str:
        return f"<LiveChart of {self._name}, {'closed' if self._closing or self.over else 'open'}>"


def live(
    chart: str | Chart = "throughput",
    *,
    since: Moment | None = "1h",
    queue: str = "",
    states: Collection[str] | str = (),
    function: Named = "",
    tag: str = "",
    every_s: Duration = 2.0,
    close_after: Duration | None = None,
) -> LiveChart:
    """A chart of the history that is drawn anew as jobs end, also while other cells run: shown at the end of a cell.

    It ends by its Close button, by `close()`, when its cell runs again, and with the kernel; its last picture stays.
    Where a notebook has no widgets it is drawn once. Nothing is started for it.

    Args:
        chart: the name of a chart of a history, or any function of a frame and axes, for example
            `functools.partial(nbqueue.charts.failures, by="time")`.
        since: how far back, as `nbqueue.history` takes it; "1h" and timedeltas move with the time.
        queue: only this queue.
        states: only these final states, or "lost" or "retried".
        function: only this function, or its qualified name.
        tag: only jobs that have this tag.
        every_s: seconds (or a timedelta) between two looks at the history.
        close_after: how long until it ends by itself, for example "1h"; None: it does not.
    """
    wanted = Wanted(
        since=since, queue=queue_named(queue), states=states, function=name_of(function), tag=tag_named(tag)
    )  # fmt: skip
    wanted.from_ms(round(time.time() * 1000))  # what is no moment is refused here
    return LiveChart(
        chart, wanted, session(), every_s=durations.seconds(every_s, "every_s", least=LEAST_S),
        close_after_s=math.inf if close_after is None else durations.seconds(close_after, "close_after"),
    )  # fmt: skip


def close_all() -> None:
    """End those that are shown; their pictures stay."""
    charts = [chart for chart in _shown.all() if isinstance(chart, LiveChart)]
    for chart in charts:
        chart.end()
    shared.drop(charts)
