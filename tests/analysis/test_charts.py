"""Charts: what they draw for full, empty and odd frames."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.analysis.charts import LOOKS
from nbqueue.analysis.columns import STATES
from nbqueue.analysis.facts import ended_per_bucket, lanes
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import BEGIN_MS, frame, record

Chart = Callable[[pd.DataFrame, Axes], Axes]
CHARTS = [charts.throughput, charts.durations, charts.waits, charts.timeline]


def draw(ax: Axes) -> None:
    """Lay out and draw as a file would show it, which is where texts are parsed."""
    assert isinstance(ax.figure, Figure)
    ax.figure.draw_without_rendering()


@pytest.fixture
def ax() -> Axes:
    """Axes of a figure that no window holds."""
    return Figure(figsize=(6, 3)).add_subplot()


@pytest.mark.parametrize("chart", CHARTS)
def test_an_empty_period_says_so(chart: Chart, ax: Axes) -> None:
    """Without attempts the axes hold one sentence."""
    assert [text.get_text() for text in chart(frame([]), ax).texts] == ["no jobs in this period"]


@pytest.mark.parametrize("chart", CHARTS)
def test_attempts_that_never_started_draw(chart: Chart, ax: Axes) -> None:
    """A frame of jobs that were cancelled while they waited draws or says that there is nothing."""
    draw(chart(frame([{"job": "a", "attempt": 0, "state": "cancelled", "function": "f"}]), ax))


@pytest.mark.parametrize("chart", CHARTS)
def test_texts_of_jobs_are_drawn_as_they_are(chart: Chart, ax: Axes) -> None:
    """A dollar sign in a name begins no formula."""
    odd = "$\\frac{x$ and $y$ \n{}"
    df = frame([record(function=odd, label=odd, started=BEGIN_MS), record(function="$", label="$", started=BEGIN_MS)])
    draw(chart(df, ax))


@pytest.mark.parametrize("chart", CHARTS)
def test_a_frame_without_its_columns_is_refused(chart: Chart, ax: Axes) -> None:
    """Another frame gives a sentence that names the missing column."""
    with pytest.raises(ConfigurationError, match="The frame has no column"):
        chart(pd.DataFrame({"x": [1]}), ax)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_changes_no_global_style(chart: Chart, ax: Axes) -> None:
    """Settings of matplotlib are as before."""
    before = dict(mpl.rcParams)
    draw(chart(frame([record(n) for n in range(3)]), ax))
    assert dict(mpl.rcParams) == before


def test_without_axes_a_figure_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The axes given back are those of a new figure."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    mpl.use("agg")
    from matplotlib import pyplot as plt

    first, second = charts.throughput(frame([])), charts.throughput(frame([]))
    assert first.figure is not second.figure
    plt.close("all")


def test_every_state_has_a_look_of_its_own() -> None:
    """Each way to end has a colour and a hatch, no two the same."""
    assert set(LOOKS) == set(STATES)
    assert len({colour for colour, _ in LOOKS.values()}) == len({hatch for _, hatch in LOOKS.values()}) == len(STATES)


def test_throughput_counts_every_attempt() -> None:
    """The bars of all buckets add up to the attempts, and quiet times are zero."""
    ends: list[dict[str, Any]] = [record(n, state="failed" if n % 5 == 0 else "succeeded") for n in range(600)]
    counts, width_s = ended_per_bucket(frame(ends))
    assert (counts["failed"].sum(), counts["succeeded"].sum(), width_s) == (120, 480, 10.0)
    assert len(counts) == 61


@pytest.mark.parametrize("seconds", [1, 3, 60, 400])
def test_a_short_time_has_ticks_that_say_the_time(ax: Axes, seconds: int) -> None:
    """Within minutes several ticks name the time of day, and the axis the date."""
    draw(charts.throughput(frame([record(n) for n in range(seconds)]), ax))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert len(labels) >= 3
    assert all(label.startswith("07:") and label.count(":") == 2 for label in labels)
    assert ax.get_xlabel() == "time on 2026-10-26 (UTC)"


def test_thin_bars_of_a_timeline_have_no_edge(ax: Axes) -> None:
    """Edges would hide bars that are thin; and what is left out of the picture is said in it."""
    ran = [record(n, started=BEGIN_MS + 1000 * n + 900) for n in range(700)]
    draw(charts.timeline(frame(ran), ax))
    assert {bar.get_linewidth() for bar in ax.patches} == {0}
    assert ax.get_title() == "Attempts: the newest 500 of 700"


def test_wide_bars_of_a_timeline_have_edges(ax: Axes) -> None:
    """Few bars are told apart where they touch."""
    draw(charts.timeline(frame([record(n, started=BEGIN_MS + 1000 * n) for n in range(5)]), ax))
    assert (ax.get_title(), min(bar.get_linewidth() for bar in ax.patches) > 0) == ("Attempts", True)


def test_lanes_do_not_overlap() -> None:
    """Attempts that ran at once have lanes of their own, and those of one worker stay together."""
    starts = [0, 0, 1500, 3500]
    ran = [record(n, started=BEGIN_MS + start, worker="ab"[n % 2]) for n, start in enumerate(starts)]
    bars = lanes(frame(ran))
    assert list(bars["worker"]) == ["a", "a", "b", "b"]
    assert list(bars["lane"]) == [0, 0, 1, 1]
    assert list(bars["start_s"]) == [0.0, 1.5, 0.0, 3.5]
