"""Charts of how long attempts waited and ran: by function, and over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from nbqueue.analysis.charts import axes, words
from nbqueue.analysis.charts.looks import LINES, ink, is_light
from nbqueue.analysis.facts import seconds

Over = Literal["function", "time"]
_OVER = ("function", "time")
#: what is shorter is drawn as so many seconds
LEAST_S = 0.001
#: boxes, below lines of a dark colour and of a light one
_PALE, _DEEP = "#56B4E9", "#0072B2"
#: rows there is room for at least
_LEAST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Seconds:
    """What is measured: a column, the time that it belongs to, and words for it."""

    column: str
    when: str
    title: str
    label: str


_DURATIONS = Seconds("duration_s", "finished_at", "Durations", "seconds from start to end")
_WAITS = Seconds("wait_s", "started_at", "Waits", "seconds from due to start")


def durations(df: pd.DataFrame, ax: Axes | None = None, *, over: Over = "function") -> Axes:
    """How long attempts ran.

    By function: boxes over the quartiles, whiskers at 5 and 95 percent, of the functions with most attempts and of the
    one with the highest median; how many others there are stands below. Over time (UTC): percentiles of those that
    ended then.
    """
    axes.chosen("over", over, _OVER)
    if over == "time":
        return _lines(df, ax, _DURATIONS)
    return _boxes(df, ax, _DURATIONS)


def waits(df: pd.DataFrame, ax: Axes | None = None, *, over: Over = "function") -> Axes:
    """How long attempts waited after they were due, drawn as `durations`; over time: of those that started then."""
    axes.chosen("over", over, _OVER)
    if over == "time":
        return _lines(df, ax, _WAITS)
    return _boxes(df, ax, _WAITS)


def _boxes(df: pd.DataFrame, ax: Axes | None, what: Seconds) -> Axes:
    ax = axes.opened(df, ax, "function", what.column)
    found, others = seconds.seconds_by_function(df, what.column, min(axes.lines(ax), seconds.FUNCTIONS))
    ax.set(title=what.title, xlabel=what.label)
    if not found:
        return axes.says(ax, axes.NONE_RAN if len(df) else axes.EMPTY)
    if others:
        axes.left_out(ax, sum(others), len(others))
    limit = axes.room(ax)
    line = {"color": ink(ax)}
    ax.boxplot(
        [values.clip(min=LEAST_S) for values in found.values()], orientation="horizontal", whis=(5, 95),
        showfliers=False, patch_artist=True, widths=0.6, whiskerprops=line, capprops=line,
        tick_labels=[f"{words.literal(name, limit, ending=True)} ({len(each):,})" for name, each in found.items()],
        boxprops={"facecolor": _DEEP if is_light(ink(ax)) else _PALE, "edgecolor": ink(ax)},
        medianprops={"color": ink(ax), "linewidth": 1.8},
    )  # fmt: skip
    axes.seconds_axis(ax.xaxis)
    axes.grid(ax, "x")
    ax.set_ylim(max(len(found), _LEAST_ROWS) + 0.6, 0.4)
    return ax


def _lines(df: pd.DataFrame, ax: Axes | None, what: Seconds) -> Axes:
    ax = axes.opened(df, ax, what.column, what.when)
    table, width_s = seconds.percentiles(df, what.column, what.when)
    ax.set(title=f"{what.title} over time", ylabel=what.label, xlabel="time (UTC)")
    if table.empty:
        return axes.says(ax, axes.NONE_RAN if len(df) else axes.EMPTY)
    width = width_s / axes.DAY_S
    middle = axes.numbers(pd.DatetimeIndex(table.index)) + width / 2
    drawn = [
        ax.plot(middle, table[name].clip(lower=LEAST_S).to_numpy(), color=colour, marker=marker, linestyle=dashes,
                markersize=4, label=name)[0]
        for name, (colour, marker, dashes) in zip(table.columns, LINES, strict=False)
    ]  # fmt: skip
    axes.seconds_axis(ax.yaxis)
    ax.set_xlim(middle[0] - 1.5 * width, middle[-1] + 1.5 * width)
    axes.grid(ax)
    axes.time_axis(ax)
    axes.legend(ax, drawn[::-1], f"per {words.bucket(width_s)}")
    return ax
