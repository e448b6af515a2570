"""What is drawn is what is in the frame: bars, lines and points against counts of the rows."""

from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.dates import num2date
from matplotlib.figure import Figure

from nbqueue import charts
from nbqueue.analysis.charts.looks import LOOKS
from nbqueue.analysis.columns import STATES
from nbqueue.analysis.facts.ends import ended_per_bucket
from nbqueue.analysis.facts.lanes import busy, lanes
from tests.analysis.histories import BEGIN_MS, frame, record
from tests.analysis.test_charts import draw


@pytest.fixture
def ax() -> Axes:
    """Axes of a figure that no window holds."""
    return Figure(figsize=(8, 4)).add_subplot()


def by_state(ax: Axes, side: str = "height") -> Counter[str]:
    """The sum of the bars of each state."""
    found: Counter[str] = Counter()
    for bar in ax.patches:
        [state] = [name for name, (_, hatch) in LOOKS.items() if hatch == (bar.get_hatch() or "")]
        found[state] += getattr(bar, f"get_{side}")()
    return +found


def moment(number: float) -> datetime:
    """A place on a time axis as a moment."""
    found: datetime = num2date(number)  # type: ignore[no-untyped-call]
    return found


def top(ax: Axes) -> float:
    """The highest point of an area."""
    [area] = ax.collections
    return float(np.asarray(area.get_paths()[0].vertices)[:, 1].max())


def names(ax: Axes) -> list[str]:
    """What stands beside the rows."""
    return [label.get_text() for label in ax.get_yticklabels()]


def test_throughput_counts_every_attempt(ax: Axes) -> None:
    """The bars of all buckets add up to the attempts, and quiet times are zero."""
    ends: list[dict[str, Any]] = [record(n, state="failed" if n % 5 == 0 else "succeeded") for n in range(600)]
    counts, width_s = ended_per_bucket(frame(ends))
    assert (counts["failed"].sum(), counts["succeeded"].sum(), width_s, len(counts)) == (120, 480, 10.0, 61)
    assert by_state(charts.throughput(frame(ends), ax)) == {"failed": 120, "succeeded": 480}


@pytest.mark.parametrize("seconds", [1, 3, 60, 400])
def test_a_short_time_has_ticks_that_say_the_time(ax: Axes, seconds: int) -> None:
    """Within minutes several ticks name the time of day, and the axis the date."""
    draw(charts.throughput(frame([record(n) for n in range(seconds)]), ax))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert len(labels) >= 3
    assert all(label.startswith("07:") and label.count(":") == 2 for label in labels)
    assert ax.get_xlabel() == "time on 2026-10-26 (UTC)"


def test_what_went_wrong_is_counted_once(ax: Axes) -> None:
    """By function, by error and over time the same: all but those that succeeded, were cancelled or were put off."""
    ran = [record(n, state=state, function=f"f{n % 5}", error_type="E" if n % 3 else "")
           for n, state in enumerate(STATES * 6)]  # fmt: skip
    df = frame(ran)
    wrong = df[~df["state"].isin(["succeeded", "cancelled"]) & ((df["state"] != "retried") | (df["error_type"] == "E"))]
    wanted = Counter(wrong["state"].astype(str))
    assert by_state(charts.failures(df, ax), "width") == wanted
    assert set(names(ax)) == {f"f{n}" for n in range(5)}
    ax.clear()
    assert by_state(charts.failures(df, ax, by="error_type"), "width") == wanted
    assert set(names(ax)) == {"E", *(state.replace("_", " ") for state in wanted if state != "retried")}
    ax.clear()
    assert by_state(charts.failures(df, ax, by="time")) == wanted


def test_nothing_went_wrong_is_said(ax: Axes) -> None:
    """Where jobs ended and none went wrong, or none was tried again, that is said, not that there were no jobs."""
    df = frame([record()])
    said = [charts.failures(df, ax), charts.retries(df, Figure().add_subplot(), by="function")]
    assert [each.texts[0].get_text() for each in said] == [
        "nothing went wrong in this period", "nothing was tried again in this period"
    ]  # fmt: skip


def test_functions_without_room_are_told(ax: Axes) -> None:
    """Twenty functions are more than there is room for: how many are left out stands below."""
    df = frame([record(n, state="failed", function=f"f{n % 20}") for n in range(100)])
    charts.failures(df, ax)
    assert len(names(ax)) == 12
    assert ax.get_xlabel() == "attempts (40 more of 8 others)"


def test_the_slowest_function_is_among_the_boxes(ax: Axes) -> None:
    """Of more than there is room for those with most attempts and the slowest have one; of the others it is said."""
    ran = [record(n, function=f"f{n % 16}", started=BEGIN_MS + 1000 * n + 900) for n in range(160)]
    df = frame([*ran, record(160, function="slow", started=BEGIN_MS + 1000)])
    charts.durations(df, ax)
    assert names(ax) == [*(f"f{n} (10)" for n in range(11)), "slow (1)"]
    assert ax.get_xlabel() == "seconds from start to end (50 more of 5 others)"


def test_percentiles_over_time_are_those_of_the_frame(ax: Axes) -> None:
    """Each point is a percentile of what ended in its bucket, and a bucket without any is a gap."""
    ran = [record(n, started=BEGIN_MS + 1000 * (n + 1) - 10 * (n + 1)) for n in range(300)]
    df = frame(ran)
    df = df[(df.index < 100) | (df.index >= 200)]
    charts.durations(df, ax, over="time")
    lines = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in ax.lines}
    seconds = df["duration_s"].groupby(df["finished_at"].dt.floor("5s")).quantile(np.array([0.5, 0.9, 0.99])).unstack()  # noqa: PD010
    assert list(lines) == ["p50", "p90", "p99"]
    for name, part in zip(lines, seconds, strict=True):
        assert lines[name][~np.isnan(lines[name])] == pytest.approx(seconds[part])
    assert np.isnan(lines["p50"]).sum() == 19


def test_waits_over_time_stand_where_the_attempts_started(ax: Axes) -> None:
    """The points are in the buckets of the starts."""
    charts.waits(frame([record(n, started=BEGIN_MS + 500) for n in range(5)]), ax, over="time")
    [x] = np.asarray(ax.lines[0].get_xdata(), dtype=float)
    assert moment(x).timestamp() * 1000 == pytest.approx(BEGIN_MS + 500)
    assert np.asarray(ax.lines[0].get_ydata()).tolist() == [0.5]


def test_depth_is_what_waited_and_ran(ax: Axes) -> None:
    """At each moment the area and the line are the attempts that waited and ran then."""
    ran = [record(n, due=BEGIN_MS + 100 * n, started=BEGIN_MS + 100 * n + 1000 * (n % 3)) for n in range(6)]
    ran.append({"job": "x", "attempt": 0, "state": "cancelled", "submitted": BEGIN_MS})
    df = frame(ran)
    charts.depth(df, ax)
    [line] = ax.lines
    times = pd.DatetimeIndex([moment(x) for x in np.asarray(line.get_xdata(), dtype=float)]).round("ms")
    ready = df["due_at"].fillna(df["submitted_at"])
    left = df["started_at"].fillna(df["finished_at"])
    assert np.asarray(line.get_ydata()).tolist() == [
        ((df["started_at"] <= t) & (df["finished_at"] > t)).sum() for t in times
    ]
    assert top(ax) == max(((ready <= t) & (left > t)).sum() for t in times)


def test_of_many_moments_the_most_is_drawn(ax: Axes) -> None:
    """A peak of milliseconds in a long history is seen, and the axis says that it is the most."""
    ran = [record(n, due=BEGIN_MS + 1000 * n, started=BEGIN_MS + 1000 * n + 900) for n in range(2000)]
    ran += [record(n, due=BEGIN_MS + 700_000, started=BEGIN_MS + 700_001) for n in range(50)]
    charts.depth(frame(ran), ax)
    assert top(ax) == 51
    assert (ax.get_ylabel(), len(ax.lines[0].get_xydata())) == ("most attempts at once", 401)  # type: ignore[arg-type]


def test_retries_count_jobs_by_their_last_attempt(ax: Axes) -> None:
    """Each job counts once, where its last attempt is; a job that never started does not."""
    ran = [record(1, attempt=1, state="retried"), record(1, attempt=2), record(2),
           record(3, attempt=14, state="failed"), {"job": "x", "attempt": 0, "state": "cancelled"}]  # fmt: skip
    charts.retries(frame(ran), ax)
    bars: list[Any] = list(ax.patches)
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in bars if bar.get_height()}
    assert heights == {1: 1, 2: 1, 10: 1}
    assert by_state(ax) == {"succeeded": 2, "failed": 1}
    assert ax.get_xticklabels()[-1].get_text() == "10+"


def test_retries_by_function_count_what_was_followed(ax: Axes) -> None:
    """Attempts that were retried or lost, by their functions."""
    ran = [
        record(n, state=state, function=f"f{n % 2}") for n, state in enumerate(["retried", "lost", "retried", "failed"])
    ]
    charts.retries(frame(ran), ax, by="function")
    assert (names(ax), by_state(ax, "width")) == (["f0", "f1"], {"retried": 2, "lost": 1})


def test_thin_bars_of_a_timeline_have_no_edge(ax: Axes) -> None:
    """Edges would hide bars that are thin; and what is left out of the picture is said in it."""
    ran = [record(n, started=BEGIN_MS + 1000 * n + 900) for n in range(700)]
    draw(charts.timeline(frame(ran), ax))
    assert {bar.get_linewidth() for bar in ax.patches} == {0}
    assert ax.get_title() == "Attempts by worker: the newest 500 of 700"


def test_wide_bars_of_a_timeline_have_edges(ax: Axes) -> None:
    """Few bars are told apart where they touch."""
    draw(charts.timeline(frame([record(n, started=BEGIN_MS + 1000 * n) for n in range(5)]), ax))
    assert (ax.get_title(), min(bar.get_linewidth() for bar in ax.patches) > 0) == ("Attempts by worker", True)


def test_a_long_timeline_is_told_in_hours(ax: Axes) -> None:
    """The unit of the axis is by its length."""
    charts.timeline(frame([record(n, started=BEGIN_MS) for n in range(11_000)]), ax)
    assert ax.get_xlabel() == "hours since 2026-10-26 07:33:20 UTC"


def test_lanes_do_not_overlap() -> None:
    """Attempts that ran at once have lanes of their own, and those of one worker stay together."""
    starts = [0, 0, 1500, 3500]
    ran = [record(n, started=BEGIN_MS + start, worker="ab"[n % 2]) for n, start in enumerate(starts)]
    bars = lanes(frame(ran))
    assert list(bars["worker"]) == ["a", "a", "b", "b"]
    assert list(bars["lane"]) == [0, 0, 1, 1]
    assert list(bars["start_s"]) == [0.0, 1.5, 0.0, 3.5]


def test_workers_say_how_busy_they_were(ax: Axes) -> None:
    """The share of the time of its lanes that attempts took, from the first start to the last end."""
    ran = [record(0, started=BEGIN_MS, worker="a"), record(1, worker="b", started=BEGIN_MS + 1000),
           record(2, worker="a", started=BEGIN_MS), record(3, worker="a", started=BEGIN_MS + 2000)]  # fmt: skip
    df = frame(ran)
    assert dict(busy(lanes(df))["share"]) == {"a": (1 + 3 + 2) / 8, "b": 1 / 4}
    assert names(charts.timeline(df, ax)) == ["a\n75% busy", "b\n25% busy"]


@pytest.mark.parametrize(("others", "labels"), [(4, "two lines"), (9, "one line")])
def test_a_worker_with_many_lanes_leaves_room_for_others(ax: Axes, others: int, labels: str) -> None:
    """Beside eighty coroutines of one worker each other has the height of its label, and no two labels overlap."""
    ran = [record(n, started=BEGIN_MS, worker="a") for n in range(80)]
    ran += [record(n, started=BEGIN_MS + 79_900 + 1000 * n, worker=f"b{n}") for n in range(others)]
    draw(charts.timeline(frame(ran), ax))
    assert {"\n" in name for name in names(ax)} == {labels == "two lines"}
    boxes = sorted((label.get_window_extent() for label in ax.get_yticklabels()), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
    low, high = ax.get_ylim()
    assert all(high <= bar.get_y() and bar.get_y() + bar.get_height() <= low for bar in ax.patches)  # type: ignore[attr-defined]
