"""Curves of what solver runs reported."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.errors import ConfigurationError
from tests.analysis.test_charts import draw


@pytest.fixture
def ax() -> Axes:
    """Axes of a figure that no window holds."""
    return Figure(figsize=(8, 4), layout="constrained").add_subplot()


def reported(jobs: int = 1, names: tuple[str, ...] = ("objective", "bound", "gap", "solutions")) -> pd.DataFrame:
    """Three points of each metric of each job."""
    rows = [(f"job{job}", f"solve {job}", name, float(at), 100.0 - at - place + job)
            for job in range(jobs) for place, name in enumerate(names) for at in range(3)]  # fmt: skip
    return pd.DataFrame(rows, columns=["job", "label", "name", "at_s", "value"])


def legend(ax: Axes) -> list[str]:
    """The words of the legend."""
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def test_of_one_job_its_objective_bound_and_gap_are_drawn(ax: Axes) -> None:
    """Objective and bound share a scale, the gap has one of its own; the points are those of the frame."""
    df = reported()
    charts.convergence(df, ax)
    draw(ax)
    [beside] = [each for each in ax.figure.axes if each is not ax]
    drawn = {str(line.get_label()): np.asarray(line.get_xydata()) for line in (*ax.lines, *beside.lines)}
    assert {name: points.tolist() for name, points in drawn.items()} == {
        name: df.loc[df["name"] == name, ["at_s", "value"]].to_numpy().tolist()
        for name in ("objective", "bound", "gap")
    }
    assert (legend(ax), ax.get_title(), beside.get_ylabel()) == (
        ["objective", "bound", "gap"], "Convergence of solve 0", "gap"
    )  # fmt: skip


def test_of_several_jobs_each_is_a_curve(ax: Axes) -> None:
    """One metric of all, told apart by colour and by marker; jobs of the same label by their ids too."""
    charts.convergence(reported(9), ax)
    draw(ax)
    assert (len(ax.lines), ax.get_ylabel(), legend(ax)[:2]) == (9, "objective", ["solve 0", "solve 1"])
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 9
    ax.clear()
    charts.convergence(reported(2).assign(label="same"), ax)
    assert legend(ax) == ["same (job0)", "same (job1)"]


def test_a_metric_can_be_chosen(ax: Axes) -> None:
    """Any name that was reported; another one is refused with those that there are."""
    charts.convergence(reported(2), ax, metric="solutions")
    assert (ax.get_ylabel(), len(ax.lines)) == ("solutions", 2)
    with pytest.raises(
        ConfigurationError, match="metric='loss' was not reported: give one of bound, gap, objective, sol"
    ):
        charts.convergence(reported(), ax, metric="loss")


def test_metrics_of_other_names_are_drawn(ax: Axes) -> None:
    """Of a job that reports neither objective nor bound, all it reports."""
    charts.convergence(reported(names=("loss", "accuracy")), ax)
    assert legend(ax) == ["loss", "accuracy"]


@pytest.mark.parametrize("value", [1e308, -1e308, float("inf"), float("nan"), 0.0])
def test_any_numbers_draw(ax: Axes, value: float) -> None:
    """Ends of what a float holds, and what is no number, break nothing; one point is a plot too."""
    draw(charts.convergence(reported().assign(value=[value, 1.0] * 6), ax))
    ax.clear()
    draw(charts.convergence(reported().head(1).assign(value=value), ax))


def test_without_metrics_it_says_so(ax: Axes) -> None:
    """An empty frame is a sentence; one of the history is refused with what to give."""
    assert charts.convergence(reported().head(0), ax).texts[0].get_text() == "no metrics were reported"
    with pytest.raises(ConfigurationError, match=r"has no column 'at_s': give what `await job.metrics\(\)` gives"):
        charts.convergence(pd.DataFrame({"job": [], "label": [], "name": []}), ax)


def test_many_jobs_are_cut_and_told(ax: Axes) -> None:
    """Fifty curves and twelve names at most."""
    charts.convergence(reported(60), ax)
    assert (len(ax.lines), len(legend(ax)), ax.get_title()) == (50, 12, "Convergence, 50 of 60 jobs")


def test_fifty_curves_differ(ax: Axes) -> None:
    """No two have the same colour, dashes and marker; the first 49 differ along the line too."""
    charts.convergence(reported(50), ax)
    dashes = [(line.get_color(), str(line._dash_pattern)) for line in ax.lines]  # type: ignore[attr-defined]
    assert len(set(dashes)) == 49
    assert len({(*each, line.get_marker()) for each, line in zip(dashes, ax.lines, strict=True)}) == 50


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("gap", [0.9, 1.0, 0.0, 37.0])
def test_the_axis_of_the_gap_reaches_it(ax: Axes, jobs: int, gap: float) -> None:
    """A tick stands at or above the largest gap, and the axis does not end below either."""
    df = reported(jobs, ("objective", "gap")) if jobs == 1 else reported(jobs, ("gap",))
    charts.convergence(df.assign(value=[gap if name == "gap" else 1.0 for name in df["name"]]), ax)
    draw(ax)
    beside = ax.figure.axes[-1]
    low, high = beside.get_ylim()
    assert (low, high > gap) == (0.0, True)
    assert max(tick for tick in beside.get_yticks() if tick <= high) >= gap
