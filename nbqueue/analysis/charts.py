"""Charts of a history frame. Each takes the frame and an optional axes, and gives the axes back."""

from __future__ import annotations

from typing import Any

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from nbqueue.analysis import facts
from nbqueue.errors import ConfigurationError

#: state -> (colour of Okabe and Ito's palette, hatch): told apart without colour too
LOOKS: dict[str, tuple[str, str]] = {
    "succeeded": ("#009E73", ""),
    "failed": ("#D55E00", "///"),
    "timed_out": ("#E69F00", "..."),
    "crashed": ("#CC79A7", "xxx"),
    "cancelled": ("#999999", "\\\\\\"),
    "expired": ("#F0E442", "++"),
    "lost": ("#0072B2", "---"),
    "retried": ("#56B4E9", "ooo"),
}
_EMPTY = "no jobs in this period"
_LABEL_LIMIT = 40
#: about the width of a letter of a label, as a part of the axis
_LETTER = 0.012
#: a bar narrower than this part of the axis, or in one of more lanes than these, has no edge
_THIN, _LANES = 0.01, 60
_DAY_S = 86_400
#: up to this many seconds an axis says the time of day to the second
_SHORT_S = 600
_EDGE: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}


def throughput(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Attempts that ended over time (UTC), stacked by how they ended."""
    ax = _axes(df, ax, "state", "finished_at")
    counts, width_s = facts.ended_per_bucket(df)
    ax.set(title="Attempts that ended", xlabel="time (UTC)", ylabel=f"attempts per {_span(width_s)}")
    if counts.empty:
        return _empty(ax)
    width = width_s / _DAY_S
    left: Any = mdates.date2num(list(counts.index))  # type: ignore[no-untyped-call]
    below = counts[counts.columns[0]] * 0
    for state in _shown(counts.columns):
        ax.bar(left, counts[state], width, below, align="edge", **_look(state))
        below = below + counts[state]
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(left[0] - width, left[-1] + 2 * width)
    _time_axis(ax)
    _legend(ax, _shown(counts.columns))
    return ax


def durations(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How long attempts ran, by function: boxes over the quartiles, whiskers at 5 and 95 percent."""
    return _boxes(df, _axes(df, ax, "function", "duration_s"), "duration_s", "Durations", "seconds from start to end")


def waits(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How long attempts waited after they were due, by function, drawn as `durations`."""
    return _boxes(df, _axes(df, ax, "function", "wait_s"), "wait_s", "Waits", "seconds from due to start")


def timeline(df: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The newest 500 attempts as bars, one lane for each that ran at once, grouped by worker."""
    ax = _axes(df, ax, "worker", "started_at", "finished_at")
    bars = facts.lanes(df)
    ax.set(title="Attempts", xlabel="seconds since the first start", ylabel="jobs at once, by worker")
    if bars.empty:
        return _empty(ax)
    end = float((bars["start_s"] + bars["length_s"]).max()) or 1.0
    for state, some in bars.groupby("state"):
        for edge, part in _by_edge(some, end):
            length = part["length_s"].clip(lower=end / 1000)
            ax.barh(part["lane"], length, 0.8, part["start_s"], **{**_look(str(state)), **edge})
    _name_bars(ax, bars, end)
    ran = int((df["started_at"].notna() & df["finished_at"].notna()).sum())
    if ran > len(bars):
        ax.set_title(f"Attempts: the newest {len(bars):,} of {ran:,}")
    ax.set_yticks(range(int(bars["lane"].max()) + 1), [""] * (int(bars["lane"].max()) + 1))
    ax.set_xlim(0, end * 1.02)
    ax.invert_yaxis()
    _legend(ax, _shown(bars["state"].unique()))
    return ax


def _by_edge(bars: pd.DataFrame, end_s: float) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Wide bars with their white edge, thin ones without edge and hatch: these would hide them."""
    thin = (bars["length_s"] < end_s * _THIN) | (bars["lane"].max() > _LANES)
    bare = {"linewidth": 0, "hatch": ""}
    return [(edge, part) for edge, part in (({}, bars[~thin]), (bare, bars[thin])) if len(part)]


def _name_bars(ax: Axes, bars: pd.DataFrame, end_s: float) -> None:
    """Labels in those bars that are long enough for them."""
    for label, start, length, lane in bars[["label", "start_s", "length_s", "lane"]].itertuples(index=False):
        text = _text(label)
        if length > end_s * _LETTER * len(text):
            ax.text(
                start + end_s * _LETTER / 2, lane, text, va="center", fontsize="small", clip_on=True,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip


def _boxes(df: pd.DataFrame, ax: Axes, column: str, title: str, xlabel: str) -> Axes:
    found = facts.seconds_by_function(df, column)
    ax.set(title=title, xlabel=xlabel)
    if not found:
        return _empty(ax)
    values = [seconds.clip(min=0.001) for seconds in found.values()]
    names = [f"{_text(name)} ({len(seconds):,})" for name, seconds in found.items()]
    ax.set_xscale("log")
    ax.boxplot(
        values, orientation="horizontal", whis=(5, 95), showfliers=False, patch_artist=True, tick_labels=names,
        widths=0.6, boxprops={"facecolor": "#56B4E9"}, medianprops={"color": "black"},
    )  # fmt: skip
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.invert_yaxis()
    return ax


def _axes(df: pd.DataFrame, ax: Axes | None, *needed: str) -> Axes:
    """The axes to draw on; without one those of a new figure of pyplot, which a notebook shows."""
    missing = [name for name in needed if name not in df.columns]
    if missing:
        raise ConfigurationError(f"The frame has no column {missing[0]!r}: give one that nbqueue.history() made.")
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(8, 3.2), layout="constrained")[1]


def _empty(ax: Axes) -> Axes:
    ax.text(0.5, 0.5, _EMPTY, transform=ax.transAxes, ha="center", va="center", color="#666666")
    ax.set(xticks=[], yticks=[])
    return ax


def _shown(states: Any) -> list[str]:
    return [state for state in LOOKS if state in set(states)]


def _look(state: str) -> dict[str, Any]:
    colour, hatch = LOOKS[state]
    return {"facecolor": colour, "hatch": hatch, **_EDGE}


def _legend(ax: Axes, states: list[str]) -> None:
    handles = [Patch(label=state.replace("_", " "), **_look(state)) for state in states]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _time_axis(ax: Axes) -> None:
    """Ticks at round times; within some minutes each says the time of day, and the axis the date."""
    first, last = mdates.num2date(ax.get_xlim(), tz="UTC")  # type: ignore[no-untyped-call]
    locator = mdates.AutoDateLocator(tz="UTC", minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    locator.intervald[mdates.MINUTELY] = [1, 2, 5, 10, 15, 30]
    ax.xaxis_date(tz="UTC")
    ax.xaxis.set_major_locator(locator)
    if (last - first).total_seconds() > _SHORT_S:
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]
        return
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S", tz="UTC"))  # type: ignore[no-untyped-call]
    ax.set_xlabel(f"time on {first:%Y-%m-%d} (UTC)")


def _span(seconds: float) -> str:
    for unit, size in (("day", _DAY_S), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}" if seconds > size or unit == "day" else unit
    return f"{seconds:g} s" if seconds > 1 else "second"


def _text(text: str) -> str:
    """A text of a job as matplotlib shows it literally: no formula, no line breaks, not too long."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    short = plain if len(plain) <= _LABEL_LIMIT else plain[: _LABEL_LIMIT - 1] + "…"
    return short.replace("$", r"\$")
