"""All charts of a history on one page."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbqueue.analysis.charts import axes
from nbqueue.analysis.charts.ends import failures, throughput
from nbqueue.analysis.charts.looks import ink
from nbqueue.analysis.charts.queues import depth
from nbqueue.analysis.charts.spans import durations, waits
from nbqueue.analysis.charts.tries import retries
from nbqueue.analysis.charts.workers import timeline
from nbqueue.analysis.facts.texts import texts
from nbqueue.analysis.facts.times import NEVER, milliseconds, moments

#: inches: A4, upright
SIZE = (8.27, 11.69)
_PLACES: Any = [
    ["throughput", "throughput"], ["depth", "depth"], ["waits", "waits over time"],
    ["durations", "durations over time"], ["failures", "errors"], ["retries", "again"], ["timeline", "timeline"],
]  # fmt: skip
_HEIGHTS = [1, 0.9, 1, 1, 1, 0.9, 1.3]
#: points between a plot and its title with a legend between; letters of a label that an inch has room for
_ABOVE_LEGEND, _LETTERS = 16, 16
_NEEDED = (
    "job", "attempt", "state", "function", "error_type", "worker", "submitted_at", "due_at", "started_at",
    "finished_at", "wait_s", "duration_s",
)  # fmt: skip


def report(df: pd.DataFrame, figure: Figure | None = None) -> Figure:
    """All charts of a history on one page, with its numbers above them; `figure.savefig("report.pdf")` keeps it."""
    axes.check(df, *_NEEDED)
    page = _made() if figure is None else figure
    if df.empty:
        axes.says(_bare(page))
        return page
    places = page.subplot_mosaic(_PLACES, height_ratios=_HEIGHTS)
    for ax in places.values():
        ax.tick_params(labelsize="x-small")
    throughput(df, places["throughput"])
    depth(df, places["depth"])
    waits(df, places["waits"])
    waits(df, places["waits over time"], over="time")
    durations(df, places["durations"])
    durations(df, places["durations over time"], over="time")
    failures(df, places["failures"])
    failures(df, places["errors"], by="error_type")
    retries(df, places["retries"])
    retries(df, places["again"], by="function")
    timeline(df, places["timeline"])
    for ax in places.values():
        _make_small(ax)
    _name_states(page, df, ink(places["depth"]))
    return page


def _made() -> Figure:
    """A figure that pyplot shows in a script; in a notebook it is the cell's value that is shown, and shown once."""
    from matplotlib import pyplot as plt

    page = plt.figure(figsize=SIZE, layout="constrained")
    if "inline" in mpl.get_backend():
        plt.close(page)
    return page


def _name_states(page: Figure, df: pd.DataFrame, colour: Any) -> None:
    """What the page is of, and what colours and hatches mean, with how many there are of each: for all charts."""
    counts = pd.Series(texts(df["state"])).value_counts()
    patches = axes.state_patches(axes.states_of(counts.index))
    for patch, state in zip(patches, axes.states_of(counts.index), strict=True):
        patch.set_label(f"{counts[state]:,} {patch.get_label()}")
    told = page.legend(
        handles=patches, loc="outside upper left", ncols=4, frameon=False, fontsize="small", labelcolor=colour,
        title=_words(df), alignment="left",
    )  # fmt: skip
    told.get_title().set_color(colour)


def _words(df: pd.DataFrame) -> str:
    ends = milliseconds(df["finished_at"])
    ends = ends[ends != NEVER]
    span = ""
    if len(ends):
        first, last = moments(pd.Series([ends.min(), ends.max()]).to_numpy())
        span = f", {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    return f"{len(df):,} attempts of {df['job'].nunique():,} jobs{span}"


def _bare(page: Figure) -> Axes:
    ax = page.add_subplot()
    ax.set_axis_off()
    return ax


def _make_small(ax: Axes) -> None:
    lines = ax.get_legend_handles_labels()[0] if ax.get_legend() is not None else []
    title = ax.get_title()
    ax.set_title("")
    ax.set_title(title, loc="left", fontsize="small", pad=_ABOVE_LEGEND if lines else None)
    ax.tick_params(labelsize="x-small")
    ax.xaxis.get_offset_text().set_fontsize("x-small")
    for each in (ax.xaxis.label, ax.yaxis.label, *ax.texts):
        each.set_fontsize("x-small")
    # no layout makes room for a label that is longer than its axis
    place = ax.get_window_extent()
    ax.set_xlabel(_broken(ax.get_xlabel(), place.width / ax.figure.dpi))
    ax.set_ylabel(_broken(ax.get_ylabel(), place.height / ax.figure.dpi))
    if (beside := ax.get_legend()) is not None:
        beside.remove()
    # that of states stands above all charts
    if lines:
        ax.legend(
            handles=lines[::-1], loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, fontsize="x-small",
            frameon=False, labelcolor=ink(ax), borderpad=0, borderaxespad=0.3,
        )  # fmt: skip


def _broken(label: str, inches: float) -> str:
    """A label in lines that have room, what is in brackets in a line of its own."""
    room = max(int(inches * _LETTERS), 1)
    return label if len(label) <= room else "\n(".join(fill(part, room) for part in label.split(" ("))
