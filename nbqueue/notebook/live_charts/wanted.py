"""What a live chart shows: which attempts, back to when, and what draws them."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbqueue.analysis.span import first_entry
from nbqueue.errors import ConfigurationError
from nbqueue.model.moments import Moment
from nbqueue.model.names import shown

if TYPE_CHECKING:
    from pandas import DataFrame

#: charts of a history by their names
NAMES = ("throughput", "failures", "waits", "durations", "timeline", "depth", "retries", "report")
#: inches; pixels an inch in the page, and of the picture, which is sharp on fine screens too
SIZE, PAGE_DPI, DPI = (9.0, 3.4), 100, 150

Chart = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The attempts that a live chart shows."""

    since: Moment | None = None
    queue: str = ""
    states: Collection[str] | str = ()
    function: str = ""
    tag: str = ""

    @property
    def filters(self) -> dict[str, Any]:
        """As the reader of the history takes them."""
        return {"queue": self.queue, "states": self.states, "function": self.function, "tag": self.tag}

    def from_ms(self, now_ms: int) -> int | None:
        """The oldest end that is shown now, where that moves with the time: "1h" and timedeltas do. Checks `since`."""
        moves = first_entry(self.since, now_ms) != first_entry(self.since, now_ms + 1000)
        return int(first_entry(self.since, now_ms)) if moves else None


def chart_of(chart: str | Chart) -> tuple[str, Chart]:
    """The name of a chart and what draws it, from its name or any function of a frame and axes."""
    if callable(chart):
        return str(getattr(chart, "__name__", "chart")), chart
    from nbqueue.analysis import charts  # matplotlib is heavy

    if chart not in NAMES:
        raise ConfigurationError(
            f"{shown(chart)} is no chart of the history: give one of {', '.join(NAMES)}, or a function of a frame and "
            "axes. The card of a job shows its metrics live."
        )
    found: Chart = getattr(charts, chart)
    return chart, found


def draw(chart: Chart, df: DataFrame) -> bytes:
    """A chart as PNG, in the style in force; of a figure of its own, so from any thread."""
    from matplotlib.figure import Figure

    from nbqueue.analysis.charts.page import SIZE as PAGE
    from nbqueue.analysis.charts.page import report

    figure = Figure(figsize=PAGE if chart is report else SIZE, layout="constrained")
    chart(df, figure if chart is report else figure.add_subplot())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()
