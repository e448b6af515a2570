"""The axes of a chart: made where none are given, with a time axis, a legend, or a sentence in the place of a plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nbqueue.analysis.charts.looks import LOOKS, ink, look
from nbqueue.analysis.charts.words import LIMIT
from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

EMPTY = "no jobs in this period"
NONE_RAN = "no attempt that ran in this period"
#: inches of a figure that is made for a chart
SIZE = (8, 3.2)
DAY_S = 86_400
#: up to this many seconds an axis says the time of day to the second
_SHORT_S = 600
#: characters that an inch of a chart has room for beside its bars, in letters of so many points
_CHARACTERS, _POINTS = 5, 10
_LEAST = 14
#: lines of words that it has room for below one another
_LINES = 5
_HISTORY = "give one that nbqueue.history() made"


def opened(df: object, ax: Axes | None, *needed: str, made_by: str = _HISTORY) -> Axes:
    """The axes to draw on; without one those of a new figure of pyplot, which a notebook shows."""
    check(df, *needed, made_by=made_by)
    if isinstance(ax, Axes):
        return ax
    if ax is not None:
        raise ConfigurationError(f"ax={shown(ax)} is no matplotlib Axes: give one, for example plt.subplots()[1].")
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=SIZE, layout="constrained")[1]


def check(df: object, *needed: str, made_by: str = _HISTORY) -> None:
    """Refuse what is no frame, or one without these columns."""
    if not isinstance(df, pd.DataFrame):
        raise ConfigurationError(f"A chart is drawn of a frame, and {shown(df)} is none: {made_by}.")
    missing = [name for name in needed if name not in df.columns]
    if missing:
        raise ConfigurationError(f"The frame has no column {missing[0]!r}: {made_by}.")


def chosen(name: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse a value that is none of these."""
    if value not in (known := tuple(allowed)):
        words = " or ".join(f'"{each}"' for each in known)
        raise ConfigurationError(f"{name}={shown(value)} is not known: give {words}.")


def says(ax: Axes, sentence: str = EMPTY) -> Axes:
    """A sentence in the place of a plot."""
    ax.text(0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center", color=ink(ax), alpha=0.75)
    ax.set(xticks=[], yticks=[])
    return ax


def states_of(columns: Iterable[str]) -> list[str]:
    """Those of these states that have a look, in its order."""
    return [state for state in LOOKS if state in set(columns)]


def state_legend(ax: Axes, states: Sequence[str]) -> None:
    """What the colours and hatches of states mean."""
    legend(ax, state_patches(states))


def state_patches(states: Sequence[str]) -> list[Patch]:
    """A patch of each state, named by it."""
    return [Patch(label=state.replace("_", " "), **look(state)) for state in states]


def legend(ax: Axes, handles: Sequence[Any], title: str = "") -> None:
    """A legend beside the plot, where it hides nothing."""
    told = ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title=title or None,
        labelcolor=ink(ax),
    )  # fmt: skip
    told.get_title().set_color(ink(ax))


def grid(ax: Axes, axis: str = "y") -> None:
    """Faint lines behind what is drawn."""
    ax.grid(visible=True, axis=axis, alpha=0.3)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def room(ax: Axes) -> int:
    """Characters of a name that have room beside the plot."""
    inches = ax.get_window_extent().width / ax.figure.dpi
    labels = ax.get_yticklabels()
    points = float(labels[0].get_fontsize()) if labels else _POINTS
    return min(max(int(inches * _CHARACTERS * _POINTS / points), _LEAST), LIMIT)


def left_out(ax: Axes, attempts: int, others: int) -> None:
    """Say below the plot for how many there is no room in it."""
    ax.set_xlabel(f"{ax.get_xlabel()} ({attempts:,} more of {others:,} others)")


def lines(ax: Axes) -> int:
    """Lines of words that have room one below another."""
    return max(int(ax.get_window_extent().height / ax.figure.dpi * _LINES), 3)


def numbers(times: pd.DatetimeIndex) -> Any:
    """Moments as numbers of a time axis."""
    return mdates.date2num(times.tz_localize(None).to_numpy())  # type: ignore[no-untyped-call]


def time_axis(ax: Axes) -> None:
    """Ticks at round times; within some minutes each says the time of day, and the axis the date."""
    first, last = mdates.num2date(ax.get_xlim(), tz="UTC")  # type: ignore[no-untyped-call]
    locator = mdates.AutoDateLocator(tz="UTC", minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    locator.intervald[mdates.MINUTELY] = [1, 2, 5, 10, 15, 30]
    ax.xaxis_date(tz="UTC")
    ax.xaxis.set_major_locator(locator)
    ax.set_xlabel("time (UTC)")
    if (last - first).total_seconds() > _SHORT_S:
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]
        return
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S", tz="UTC"))  # type: ignore[no-untyped-call]
    ax.set_xlabel(f"time on {first:%Y-%m-%d} (UTC)")


def seconds_axis(axis: Any) -> None:
    """A logarithmic axis of seconds, with plain numbers."""
    axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
    low, high = sorted(axis.get_view_interval())
    decades = high / max(low, 1e-9)
    subs = (1.0, 2.0, 5.0) if decades < _DECADES else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < _LARGE else f"{value:.0e}"))
    axis.set_minor_formatter(NullFormatter())


#: from here on numbers of seconds are told by their powers
_LARGE = 1e6
#: an axis over fewer than this has numbers between the powers of ten
_DECADES = 2_000
