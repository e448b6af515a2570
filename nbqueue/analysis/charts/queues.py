"""The chart of how many wait."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nbqueue.analysis.charts import axes
from nbqueue.analysis.facts import depth as facts

_WAITING, _RUNNING = "#56B4E9", "#D55E00"
#: of the axis, before the first and after the last moment; in days where there is only one
_MARGIN, _LEAST = 0.01, 1 / axes.DAY_S


def depth(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many attempts waited and ran at each moment (UTC), worked out of those in the frame.

    What waits or runs still is in no history, so the last minutes show less than there is.
    """
    ax = axes.opened(df, ax, "due_at", "submitted_at", "started_at", "finished_at")
    ax.set(title="Waiting and running", xlabel="time (UTC)", ylabel="attempts at once")
    counts = facts.depth(df)
    if counts.empty:
        return axes.says(ax)
    times = axes.numbers(pd.DatetimeIndex(counts.index))
    if counts.attrs["is_cut"]:
        ax.set_ylabel("most attempts at once")
    waiting = ax.fill_between(
        times, counts["waiting"].to_numpy(), step="post", facecolor=_WAITING, alpha=0.6, linewidth=0, label="waiting"
    )
    [running] = ax.step(
        times, counts["running"].to_numpy(), where="post", color=_RUNNING, linewidth=1.2, label="running"
    )
    margin = max((times[-1] - times[0]) * _MARGIN, 0 if times[-1] > times[0] else _LEAST)
    ax.set_xlim(times[0] - margin, times[-1] + margin)
    ax.set_ylim(0, max(float(counts.to_numpy().max()) * 1.08, 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(ax)
    axes.time_axis(ax)
    axes.legend(ax, [waiting, running])
    return ax
