"""All charts on one page, and the charts as methods of a frame."""

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.analysis.columns import STATES
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import frame, record

#: what a fresh Python says of a frame that the history gave
FRESH = """
import sys
import nbqueue.analysis.accessor
from nbqueue.analysis.frame import Rows
df = Rows().frame()
print("matplotlib" in sys.modules, type(df.nbqueue).__name__, df.nbqueue.throughput().texts[0].get_text())
"""


def test_a_page_has_all_charts(tmp_path: Path) -> None:
    """Every chart has its place, what ended is told above them, and the page can be kept."""
    df = frame([record(n, state=STATES[n % 8], error_type="E") for n in range(80)])
    page = charts.report(df, Figure(figsize=(8, 12), layout="constrained"))
    assert {ax.get_title(loc="left") for ax in page.axes} == {
        "Attempts that ended", "Waiting and running", "Waits", "Waits over time", "Durations", "Durations over time",
        "What went wrong, by function", "What went wrong, by error", "Attempts per job", "Tried again, by function",
        "Attempts by worker",
    }  # fmt: skip
    [legend] = page.legends
    assert [text.get_text() for text in legend.get_texts()][:3] == ["10 succeeded", "10 failed", "10 timed out"]
    assert legend.get_title().get_text() == "80 attempts of 80 jobs, 2026-10-26 07:33 to 2026-10-26 07:34 UTC"
    page.savefig(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_on_a_page_is_cut_or_overprinted() -> None:
    """Legends are below the titles, labels within the page, and names that fit are whole."""
    ran = [record(n, state=("retried", "succeeded")[n % 2], function=f"f{n % 40}",
                  error_type=("ConnectionError", "")[n % 2]) for n in range(80)]  # fmt: skip
    page = charts.report(frame(ran), Figure(figsize=(8.27, 11.69), layout="constrained"))
    page.draw_without_rendering()
    for ax in page.axes:
        title = ax.title if ax.title.get_text() else ax._left_title  # type: ignore[attr-defined]
        if (legend := ax.get_legend()) is not None:
            assert legend.get_window_extent().y1 <= title.get_window_extent().y0
        labels = [label for label in (ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels()) if label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        assert all(box.x0 >= 0 and box.x1 <= page.bbox.x1 for box in boxes)
    names = [label.get_text() for ax in page.axes for label in ax.get_yticklabels()]
    assert "ConnectionError" in names


def test_an_empty_page_says_so() -> None:
    """One sentence, not eleven."""
    page = charts.report(frame([]), Figure())
    assert [[text.get_text() for text in ax.texts] for ax in page.axes] == [["no jobs in this period"]]


def test_a_page_of_another_frame_is_refused() -> None:
    """A sentence names the missing column, and nothing is drawn."""
    with pytest.raises(ConfigurationError, match="The frame has no column 'job'"):
        charts.report(pd.DataFrame({"x": [1]}))


def test_every_chart_is_a_method_of_a_frame() -> None:
    """`df.nbqueue` draws what `nbqueue.charts` does, with the same options."""
    mpl.use("agg")
    df = frame([record(n, state="failed") for n in range(3)])
    for name in sorted(set(charts.__all__) - {"live", "convergence", "report"}):
        own = getattr(df.nbqueue, name)(Figure().add_subplot())
        assert isinstance(own, Axes)
        assert own.get_title() == getattr(charts, name)(df, Figure().add_subplot()).get_title()
    assert df.nbqueue.failures(Figure().add_subplot(), by="time").get_title() == "What went wrong, over time"
    assert isinstance(df.nbqueue.report(), Figure)
    curve = pd.DataFrame({"job": ["a"], "label": ["b"], "name": ["gap"], "at_s": [0.0], "value": [1.0]})
    assert curve.nbqueue.convergence(Figure().add_subplot()).get_title() == "Convergence of b"


def test_the_methods_of_a_frame_load_no_matplotlib() -> None:
    """They are there; what draws is loaded when something is drawn."""
    ran = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert ran.stdout == "False FrameAccessor no jobs in this period\n"
