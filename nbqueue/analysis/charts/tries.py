"""The chart of what was tried again."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nbqueue.analysis.charts import axes, ends
from nbqueue.analysis.charts.looks import look
from nbqueue.analysis.facts import tries as facts

By = Literal["attempts", "function"]
_BY = ("attempts", "function")
_NONE_AGAIN = "nothing was tried again in this period"


def retries(df: pd.DataFrame, ax: Axes | None = None, *, by: By = "attempts") -> Axes:
    """How often jobs were tried.

    By attempts: jobs by the number of their last attempt, stacked by how it ended. By function: attempts that were
    followed by another, after an error (retried) or because their worker was lost.
    """
    axes.chosen("by", by, _BY)
    if by == "function":
        ax = axes.opened(df, ax, "state", "function")
        ax.set(title="Tried again, by function", xlabel="attempts that were followed by another")
        counts = facts.repeated_by_function(df)
        return ends.rows(ax, counts) if len(counts) else axes.says(ax, _NONE_AGAIN if len(df) else axes.EMPTY)
    ax = axes.opened(df, ax, "state", "job", "attempt")
    ax.set(title="Attempts per job", xlabel="number of the last attempt", ylabel="jobs")
    counts = facts.attempts_per_job(df)
    return _bars(ax, counts) if len(counts) else axes.says(ax, axes.NONE_RAN if len(df) else axes.EMPTY)


def _bars(ax: Axes, counts: pd.DataFrame) -> Axes:
    places = counts.index.to_numpy()
    below = 0 * places
    states = axes.states_of(counts.columns)
    for state in states:
        heights = counts[state].to_numpy()
        ax.bar(places, heights, 0.7, below, **look(state))
        below = below + heights
    for place, count in zip(places, below, strict=True):
        if count:
            ax.annotate(f"{count:,}", (place, count), (0, 2), textcoords="offset points", ha="center", fontsize="small")
    ax.set_xticks(places, [f"{place}+" if place == facts.MOST else str(place) for place in places])
    ax.set_xlim(0.4, max(float(places[-1]), 3.0) + 0.6)
    ax.set_ylim(0, max(float(below.max()) * 1.15, 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(ax)
    axes.state_legend(ax, states)
    return ax
