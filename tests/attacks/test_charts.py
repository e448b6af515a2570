"""Texts of jobs in charts: shown as they are, whatever they say; no formula, no markup, nothing hidden."""

import io
import warnings
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.notebook.live_charts.wanted import draw
from tests.analysis.histories import BEGIN_MS, frame, record
from tests.analysis.test_charts import CHARTS, Chart, each_chart

VECTORS = [
    r"$\frac{$", r"$\frac{x$ and $y$", r"\$ \alpha $$", "[/]", "[bold]x[/bold]", "a\nb\r\nc", "\u202eabc\u2066",
    "\u05d0\u05d1\u05d2 \u0627\u0628", "\x00\x1b[31m\x07\x9b", "_leading", "__", "", "q" * 10_000, "{0} %s {}",
    "--></svg><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\ud800", "z\u0300\u0301" * 100, "$",
]  # fmt: skip
STRANGE = {"script", "img", "foreignObject", "image"}


def told(chart: Chart, *texts: str) -> Figure:
    """The chart of a history of these texts, laid out."""
    column = pd.Series([text for text in texts for _ in range(2)], dtype=object)
    df = frame([record(n, state=("failed", "retried")[n % 2], started=BEGIN_MS) for n in range(len(column))])
    figure = Figure(figsize=(8, 4), layout="constrained")
    chart(df.assign(function=column, label=column, worker=column, error_type=column), figure.add_subplot())
    figure.draw_without_rendering()
    return figure


def tags(figure: Figure) -> set[str]:
    """The elements of the figure as SVG."""
    svg = io.BytesIO()
    figure.savefig(svg, format="svg")
    return {each.tag.rpartition("}")[2] for each in ET.fromstring(svg.getvalue()).iter()}


@each_chart
def test_no_text_breaks_a_chart(chart: Chart) -> None:
    """It is drawn, and as an SVG it is sound and has no element of anybody else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # no font has them all
        for start in range(0, len(VECTORS), 7):
            assert tags(told(chart, *VECTORS[start : start + 7])) & STRANGE == set()


@pytest.mark.parametrize("name", ["failures", "durations", "timeline"])
@pytest.mark.parametrize("text", [r"$\frac{$", "[/]", r"$x$ and $y$"])
def test_a_name_stands_as_it_is(name: str, text: str) -> None:
    """What was written is what is read, dollar signs and all; lines and control characters are spaces."""
    [ax] = told(CHARTS[name], f"{text}\n\x07").axes
    shown = ax.get_yticklabels()[0].get_text().replace(r"\$", "$")
    assert shown.startswith(f"{text}  ")


def test_ten_thousand_characters_are_cut() -> None:
    """A label never takes the room of the plot."""
    for name in ("failures", "waits", "timeline"):
        [ax] = told(CHARTS[name], "q" * 10_000).axes
        assert ax.get_position().width > 0.3


@pytest.mark.parametrize("text", VECTORS, ids=lambda text: ascii(text)[:20])
def test_no_metric_breaks_a_curve(text: str) -> None:
    """Labels of jobs and names of metrics are shown in title, axis and legend; a leading underscore hides none."""
    rows = [(job, text, name, at, 1.0) for job in ("a", "b") for name in (text, f"{text}x") for at in (0.0, 1.0)]
    df = pd.DataFrame(rows, columns=["job", "label", "name", "at_s", "value"], dtype=object)
    for part in (df, df[df["job"] == "a"]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")
            figure = Figure(layout="constrained")
            legend = charts.convergence(part, figure.add_subplot()).get_legend()
            assert tags(figure) & STRANGE == set()
        assert legend is not None
        assert len(legend.get_texts()) == 2


def test_a_page_of_hostile_texts_is_drawn() -> None:
    """The report and the picture of a live chart too."""
    df = frame([record(n, state="failed", started=BEGIN_MS) for n in range(len(VECTORS))])
    column = pd.Series(VECTORS, dtype=object)
    df = df.assign(function=column, label=column, worker=column, error_type=column)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        assert draw(charts.report, df).startswith(b"\x89PNG")
