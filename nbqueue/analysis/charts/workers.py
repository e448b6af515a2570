"""The chart of what ran where."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from nbqueue.analysis.charts import axes, words
from nbqueue.analysis.charts.looks import ground, ink, look
from nbqueue.analysis.facts.lanes import busy, lanes
from nbqueue.analysis.facts.times import moments

#: about the width of a letter of a label, as a part of the axis
_LETTER = 0.012
#: a bar narrower than this part of the axis has no edge
_THIN = 0.01
#: lines of words that are as high as a lane in which bars have edges, and labels
_EDGED, _LABELLED = 0.2, 0.6


def timeline(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The newest 500 attempts as bars, one lane for each that ran at once, by worker.

    Beside each worker stands how much of the time its lanes were busy.
    """
    ax = axes.opened(df, ax, "worker", "state", "started_at", "finished_at")
    bars = lanes(df)
    ax.set(title="Attempts by worker", xlabel="seconds since the first start")
    if bars.empty:
        return axes.says(ax, axes.NONE_RAN if len(df) else axes.EMPTY)
    end_s = float((bars["start_s"] + bars["length_s"]).max()) or 1.0
    unit, size = words.unit(end_s)
    workers = _placed(busy(bars), axes.lines(ax))
    own = workers.loc[bars["worker"]]
    bars["height"] = own["lane"].to_numpy()
    bars["middle"] = own["top"].to_numpy() + (bars["lane"] - own["first"].to_numpy() + 0.5) * bars["height"]
    _draw(ax, bars, end_s, size)
    _name_bars(ax, bars, end_s, size)
    _name_workers(ax, workers)
    if bars.attrs["ran"] > len(bars):
        ax.set_title(f"Attempts by worker: the newest {len(bars):,} of {bars.attrs['ran']:,}")
    began = moments(pd.Series([bars.attrs["began_ms"]], dtype="int64").to_numpy())[0]
    ax.set_xlabel(f"{unit} since {began:%Y-%m-%d %H:%M:%S} UTC")
    ax.set_xlim(0, end_s / size * 1.02)
    ax.set_ylim(1.01, -0.01)
    axes.state_legend(ax, axes.states_of(bars["state"].unique()))
    return ax


def _placed(workers: pd.DataFrame, lines: int) -> pd.DataFrame:
    """Of the height, which is 1, where each worker begins (top), and the part of it (height) and of each lane (lane).

    By the number of their lanes; but each has room for its label, however many lanes another has.
    """
    lanes = workers["last"] - workers["first"] + 1
    height = lanes / lanes.sum()
    least = min((2 if _has_two_lines(workers, lines) else 1) / lines, 1 / len(workers))
    if height.min() < least:
        height = least + (1 - len(workers) * least) * height
    return workers.assign(top=height.cumsum() - height, height=height, lane=height / lanes)


def _has_two_lines(workers: pd.DataFrame, lines: int) -> bool:
    """Whether there is room for labels of two lines."""
    return 2 * len(workers) <= lines


def _draw(ax: Axes, bars: pd.DataFrame, end_s: float, size: float) -> None:
    least = _EDGED / axes.lines(ax)
    for state in axes.states_of(bars["state"].unique()):
        for edge, part in _by_edge(bars[bars["state"] == state], end_s, least):
            length = part["length_s"].clip(lower=end_s / 1000) / size
            ax.barh(part["middle"], length, 0.8 * part["height"], part["start_s"] / size, **{**look(state), **edge})


def _by_edge(bars: pd.DataFrame, end_s: float, least: float) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Large bars with their edge, thin or low ones without edge and hatch: these would hide them."""
    thin = (bars["length_s"] < end_s * _THIN) | (bars["height"] < least)
    bare = {"linewidth": 0, "hatch": ""}
    return [(edge, part) for edge, part in (({}, bars[~thin]), (bare, bars[thin])) if len(part)]


def _name_bars(ax: Axes, bars: pd.DataFrame, end_s: float, size: float) -> None:
    """Labels in those bars that are large enough for them."""
    high = bars[bars["height"] >= _LABELLED / axes.lines(ax)]
    for label, start, length, middle in high[["label", "start_s", "length_s", "middle"]].itertuples(index=False):
        text = words.literal(label)
        if text and length > end_s * _LETTER * (len(text) + 1):
            ax.text(
                (start + end_s * _LETTER / 2) / size, middle, text, va="center", fontsize="small", clip_on=True,
                color=ink(ax), bbox={"facecolor": ground(ax), "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip


def _name_workers(ax: Axes, workers: pd.DataFrame) -> None:
    """A name and the share of its time in the middle of each worker's lanes, and a line between two workers."""
    lines = axes.lines(ax)
    named = workers.iloc[:: -(-len(workers) // lines)]
    between = "\n" if _has_two_lines(named, lines) else ", "
    limit = axes.room(ax)
    names = [f"{words.literal(name or 'no name', limit, ending=True)}{between}{share:.0%} busy"
             for name, share in zip(named.index, named["share"], strict=True)]  # fmt: skip
    ax.set_yticks((named["top"] + named["height"] / 2).to_numpy(), names, fontsize="small")
    ax.tick_params(axis="y", length=0)
    for top in workers["top"].iloc[1:]:
        ax.axhline(top, color=ink(ax), linewidth=0.5, alpha=0.4)
