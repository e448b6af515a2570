"""Charts: what holds for each of them, with full, empty and odd frames."""

from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.analysis.charts.looks import LINES, LOOKS
from nbqueue.analysis.columns import STATES
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import BEGIN_MS, frame, record

Chart = Callable[[pd.DataFrame, Axes], Axes]
#: name -> a chart of a history
CHARTS: dict[str, Any] = {
    "throughput": charts.throughput,
    "failures": charts.failures,
    "failures by error": partial(charts.failures, by="error_type"),
    "failures over time": partial(charts.failures, by="time"),
    "durations": charts.durations,
    "durations over time": partial(charts.durations, over="time"),
    "waits": charts.waits,
    "waits over time": partial(charts.waits, over="time"),
    "timeline": charts.timeline,
    "depth": charts.depth,
    "retries": charts.retries,
    "retries by function": partial(charts.retries, by="function"),
}
TIMES = ("submitted_at", "due_at", "started_at", "finished_at")
each_chart = pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)


def draw(ax: Axes) -> None:
    """Lay out and draw as a file would show it, which is where texts are parsed."""
    assert isinstance(ax.figure, Figure)
    ax.figure.draw_without_rendering()


@pytest.fixture
def ax() -> Axes:
    """Axes of a figure that no window holds."""
    return Figure(figsize=(6, 3)).add_subplot()


@each_chart
def test_an_empty_period_says_so(chart: Chart, ax: Axes) -> None:
    """Without attempts the axes hold one sentence."""
    assert [text.get_text() for text in chart(frame([]), ax).texts] == ["no jobs in this period"]


@each_chart
@pytest.mark.parametrize("state", STATES)
def test_one_attempt_draws(chart: Chart, state: str, ax: Axes) -> None:
    """A single row of whatever end is a plot or one sentence."""
    draw(chart(frame([record(state=state, error_type="E")]), ax))


@each_chart
def test_attempts_that_never_started_draw(chart: Chart, ax: Axes) -> None:
    """A frame of jobs that were cancelled while they waited draws or says that there is nothing."""
    draw(chart(frame([{"job": "a", "attempt": 0, "state": "cancelled", "function": "f"}]), ax))


@each_chart
def test_without_any_time_it_is_a_plot_or_a_sentence(chart: Chart, ax: Axes) -> None:
    """Columns of times and seconds that are missing throughout break nothing."""
    df = frame([record(n, state="failed") for n in range(3)])
    draw(chart(df.assign(**dict.fromkeys(TIMES, pd.Series([pd.NaT] * 3)), wait_s=None, duration_s=None), ax))


@each_chart
@pytest.mark.parametrize("days", [0, 365, 365 * 5000])
def test_an_instant_a_year_and_an_age_draw(chart: Chart, days: int, ax: Axes) -> None:
    """All at one moment or ages apart, there are neither too many ticks nor too many bars."""
    df = frame([record(n, state="failed", error_type="E") for n in range(3)])
    ends = pd.Series(BEGIN_MS + days * 86_400_000 * np.arange(3) // 2).astype("datetime64[ms]").dt.tz_localize("UTC")
    draw(chart(df.assign(**dict.fromkeys(TIMES, ends)), ax))
    assert len(ax.patches) < 1000
    assert len(ax.get_xticks()) < 30


@each_chart
def test_a_hundred_thousand_attempts_draw(chart: Chart, ax: Axes) -> None:
    """What is drawn stays small: bars and points are of buckets, not of attempts."""
    df = frame([record(n, started=BEGIN_MS + 1000 * n, state=STATES[n % 7]) for n in range(1000)])
    many = pd.concat([df] * 100, ignore_index=True)
    draw(chart(many, ax))
    points = sum(len(np.asarray(line.get_xydata())) for line in ax.lines)
    assert len(ax.patches) + points < 5000


@each_chart
def test_a_frame_without_its_columns_is_refused(chart: Chart, ax: Axes) -> None:
    """Another frame, or none, gives a sentence that names what is missing."""
    with pytest.raises(ConfigurationError, match="The frame has no column"):
        chart(pd.DataFrame({"x": [1]}), ax)
    with pytest.raises(ConfigurationError, match=r"A chart is drawn of a frame, and \[1\] is none"):
        chart([1], ax)  # type: ignore[arg-type]


@each_chart
def test_frames_that_were_joined_or_read_from_a_file_draw(chart: Chart, ax: Axes) -> None:
    """Rows of the same number twice, and columns that are plain texts, are as good as those of the history."""
    df = frame([record(n, state="failed", error_type="E") for n in range(3)])
    draw(chart(pd.concat([df, df]), ax))
    ax.clear()
    plain = {name: df[name].astype(str) for name in (*TIMES, "state", "function", "worker")}
    draw(chart(df.assign(**plain), ax))


@each_chart
def test_a_chart_changes_no_global_style(chart: Chart, ax: Axes) -> None:
    """Settings of matplotlib are as before."""
    before = dict(mpl.rcParams)
    draw(chart(frame([record(n, state="failed") for n in range(3)]), ax))
    assert dict(mpl.rcParams) == before


@each_chart
@pytest.mark.parametrize(("style", "colour"), [("default", "black"), ("dark_background", "white")])
def test_words_have_the_colour_of_the_style(chart: Chart, style: str, colour: str) -> None:
    """Titles, labels, ticks, legends and notes are as readable in the dark as they are in the light."""
    with plt.style.context(style):
        ax = Figure().add_subplot()
    # the style was that of the axes when they were made
    chart(frame([record(n, state=STATES[n % 8], error_type="E") for n in range(16)]), ax)
    draw(ax)
    legend = ax.get_legend()
    words = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
    words += [*legend.get_texts(), legend.get_title()] if legend is not None else []
    assert {word.get_text() for word in words if not same_color(word.get_color(), colour)} <= {""}


def test_without_axes_a_figure_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The axes given back are those of a new figure."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    mpl.use("agg")
    first, second = charts.throughput(frame([])), charts.throughput(frame([]))
    assert first.figure is not second.figure
    plt.close("all")


def test_every_state_has_a_look_of_its_own() -> None:
    """Each way to end has a colour and a hatch, no two the same; so have lines a colour, a marker and dashes."""
    assert set(LOOKS) == set(STATES)
    assert len({colour for colour, _ in LOOKS.values()}) == len({hatch for _, hatch in LOOKS.values()}) == len(STATES)
    assert [len(set(each)) for each in zip(*LINES, strict=True)] == [len(LINES)] * 3


@pytest.mark.parametrize(
    ("chart", "option"),
    [(charts.failures, "by"), (charts.waits, "over"), (charts.durations, "over"), (charts.retries, "by")],
)
def test_an_unknown_option_is_named(chart: Any, option: str) -> None:
    """The sentence says what is allowed."""
    with pytest.raises(ConfigurationError, match=f"{option}='colour' is not known: give \""):
        chart(frame([]), **{option: "colour"})


@pytest.mark.parametrize(("style", "colour"), [("default", "black"), ("dark_background", "white")])
def test_boxes_are_seen_on_any_ground(style: str, colour: str) -> None:
    """Edges and medians have the colour of the words; where all are the same a mark as high as a box is left."""
    with plt.style.context(style):
        ax = Figure().add_subplot()
    charts.waits(frame([record(n) for n in range(3)]), ax)
    [box] = ax.patches
    median = ax.lines[-1]
    assert same_color(box.get_edgecolor(), colour)
    assert same_color(median.get_color(), colour)
    assert np.ptp(np.asarray(median.get_ydata(), dtype=float)) == pytest.approx(0.6)


@pytest.mark.parametrize(
    "name", ["durations", "durations over time", "waits", "waits over time", "timeline", "retries"]
)
def test_without_an_attempt_that_ran_that_is_said(name: str, ax: Axes) -> None:
    """Jobs that never started are jobs in the period all the same."""
    df = frame([{"job": "a", "attempt": 0, "state": "cancelled", "function": "f"}])
    assert [text.get_text() for text in CHARTS[name](df, ax).texts] == ["no attempt that ran in this period"]
