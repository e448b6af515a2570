"""Charts of how attempts ended: all of them over time, and what went wrong."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nbqueue.analysis.charts import axes, words
from nbqueue.analysis.charts.looks import look
from nbqueue.analysis.facts import ends

By = Literal["function", "error_type", "time"]
_BY = ("function", "error_type", "time")
#: rows that have a bar, and for how many there is room at least
ROWS, _LEAST_ROWS = 12, 3
_NONE_WRONG = "nothing went wrong in this period"


def throughput(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Attempts that ended over time (UTC), stacked by how they ended."""
    ax = axes.opened(df, ax, "state", "finished_at")
    ax.set(title="Attempts that ended", xlabel="time (UTC)", ylabel="attempts")
    return over_time(ax, *ends.ended_per_bucket(df))


def failures(df: pd.DataFrame, ax: Axes | None = None, *, by: By = "function") -> Axes:
    """Attempts that went wrong, stacked by how they ended: by function, by class of the error, or over time (UTC).

    Those that were retried after an error count, those that were cancelled do not.
    """
    axes.chosen("by", by, _BY)
    ax = axes.opened(df, ax, "state", "finished_at" if by == "time" else by)
    words_of = {"function": "by function", "error_type": "by error", "time": "over time"}
    ax.set(title=f"What went wrong, {words_of[by]}", xlabel="attempts")
    wrong = ends.went_wrong(df)
    if wrong.empty:
        return axes.says(ax, _NONE_WRONG if len(df) else axes.EMPTY)
    if by == "time":
        ax.set(ylabel="attempts")
        return over_time(ax, *ends.ended_per_bucket(wrong))
    return rows(ax, ends.counted(wrong, by))


def over_time(ax: Axes, counts: pd.DataFrame, width_s: float) -> Axes:
    """Stacked bars by bucket of time, a column a state."""
    if counts.empty:
        return axes.says(ax)
    ax.set_ylabel(f"{ax.get_ylabel()} per {words.bucket(width_s)}")
    width = width_s / axes.DAY_S
    left: Any = axes.numbers(pd.DatetimeIndex(counts.index))
    below = 0 * counts[counts.columns[0]].to_numpy()
    states = axes.states_of(counts.columns)
    for state in states:
        heights = counts[state].to_numpy()
        ax.bar(left, heights, width, below, align="edge", **look(state))
        below = below + heights
    ax.yaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    ax.set_ylim(0, max(float(below.max()) * 1.08, 1.0))
    ax.set_xlim(left[0] - width, left[-1] + 2 * width)
    axes.grid(ax)
    axes.time_axis(ax)
    axes.state_legend(ax, states)
    return ax


def rows(ax: Axes, counts: pd.DataFrame) -> Axes:
    """Stacked bars one below another, each with its name and its count; for how many there is no room is said."""
    if len(counts) > (most := min(axes.lines(ax), ROWS)):
        others = counts.iloc[most:]
        axes.left_out(ax, int(others.to_numpy().sum()), len(others))
        counts = counts.iloc[:most]
    places = range(len(counts))
    total = counts.sum(axis=1)
    below = 0 * total.to_numpy()
    states = axes.states_of(counts.columns)
    for state in states:
        lengths = counts[state].to_numpy()
        ax.barh(places, lengths, 0.7, below, **look(state))
        below = below + lengths
    for place, count in zip(places, total, strict=True):
        ax.annotate(f"{count:,}", (count, place), (3, 0), textcoords="offset points", va="center", fontsize="small")
    limit = axes.room(ax)
    ax.set_yticks(places, [words.literal(name, limit, ending=True) for name in counts.index])
    ax.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    ax.set_xlim(0, float(total.max()) * 1.12)
    ax.set_ylim(max(len(counts), _LEAST_ROWS) - 0.4, -0.6)
    axes.grid(ax, "x")
    axes.state_legend(ax, states)
    return ax
