"""The chart of what jobs reported of themselves as they ran."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nbqueue.analysis.charts import axes, words
from nbqueue.analysis.charts.looks import LINES, Line
from nbqueue.analysis.facts.curves import GAP, TOGETHER, main_metric, points
from nbqueue.errors import ConfigurationError

#: jobs that are drawn, and of those that have a name beside the plot; curves of one job
JOBS, NAMED, CURVES = 50, 12, 7
_MADE_BY = "give what `await job.metrics()` gives"
_EMPTY = "no metrics were reported"
_BLUE, _ORANGE, _VERMILION = "#0072B2", "#E69F00", "#D55E00"
#: of what is drawn, so that a line at the edge is seen
_BEYOND = 1.03
#: stretches between ticks of a gap
_TICKS = 5
#: a gap is a share of the objective, of whatever size
_PER_CENT = FuncFormatter(lambda value, _: f"{100 * value:.4g}%")
#: as on the card of a job; others have looks of their own
_OWN: dict[str, Line] = {
    "objective": (_BLUE, "o", "-"), "value": (_BLUE, "o", "-"), "best": ("#009E73", "s", "-."),
    "bound": (_ORANGE, "^", "--"), GAP: (_VERMILION, "v", ":"),
}  # fmt: skip


def convergence(df: pd.DataFrame, ax: Axes | None = None, *, metric: str = "") -> Axes:
    """How solver runs went: a frame of `metrics()` over the seconds of the attempt.

    Of one job its objective (or value, best) and bound, and its gap on a scale of its own at the right. Of several jobs
    one metric, each job a curve: `metric`, or the first of those that there is.
    """
    ax = axes.opened(df, ax, "job", "label", "name", "at_s", "value", made_by=_MADE_BY)
    found = points(df)
    ax.set(title="Convergence", xlabel="seconds since the start", ylabel="value")
    if metric and len(found) and metric not in set(found["name"]):
        raise ConfigurationError(f"metric={metric!r} was not reported: give one of {_names(found)}.")
    found = found[found["name"] == metric] if metric else found
    if found.empty:
        return axes.says(ax, _EMPTY)
    jobs = list(dict.fromkeys(found["job"]))
    unit, size = words.unit(float(found["at_s"].max()))
    found = found.assign(at=found["at_s"] / size)
    ax.set_xlabel(f"{unit} since the start of the attempt")
    axes.grid(ax)
    return _of_one(ax, found) if len(jobs) == 1 else _of_many(ax, found, jobs)


def _of_one(ax: Axes, found: pd.DataFrame) -> Axes:
    label = words.literal(found["label"].iloc[0])
    ax.set_title(f"Convergence of {label}" if label else "Convergence")
    there = list(dict.fromkeys(found["name"]))
    together = [name for name in TOGETHER if name in there] or [name for name in there if name != GAP][:CURVES]
    others = iter(LINES)
    drawn = [_curve(ax, found[found["name"] == name], words.for_legend(name), _OWN.get(name) or next(others))
             for name in together]  # fmt: skip
    if GAP in there:
        beside = ax.twinx() if together else ax
        drawn.append(_curve(beside, found[found["name"] == GAP], GAP, _OWN[GAP]))
        beside.set_ylabel(GAP)
        beside.yaxis.set_major_formatter(_PER_CENT)
        _reach(beside, found[found["name"] == GAP]["value"])
    # beside the numbers of the gap
    axes.legend(ax, drawn)
    if GAP in there and together:
        ax.get_legend().set_bbox_to_anchor((1.1, 1.0))  # type: ignore[union-attr]
    return ax


def _of_many(ax: Axes, found: pd.DataFrame, jobs: list[str]) -> Axes:
    name = main_metric(found["name"])
    found = found[found["name"] == name]
    jobs = [job for job in jobs if job in set(found["job"])]
    shown = jobs[:JOBS]
    more = f", {JOBS} of {len(jobs):,} jobs" if len(jobs) > JOBS else ""
    ax.set(title=f"Convergence{more}", ylabel=words.literal(name))
    if name == GAP:
        ax.yaxis.set_major_formatter(_PER_CENT)
    groups = dict(tuple(found.groupby("job")))
    labels = {job: groups[job]["label"].iloc[0] or job for job in shown}
    twice = pd.Series(labels).duplicated(keep=False)
    drawn = []
    for job, line in zip(shown, _lines(), strict=False):
        own = words.for_legend(f"{labels[job][:12]} ({job[:8]})" if twice[job] else labels[job], 24)
        drawn.append(_curve(ax, groups[job], own, line))
    if name == GAP:
        _reach(ax, pd.concat([groups[job]["value"] for job in shown]))
    axes.legend(ax, drawn[:NAMED], f"{NAMED} of {len(jobs):,} jobs" if len(jobs) > NAMED else "")
    return ax


def _lines() -> Iterator[Line]:
    """A look for each of many curves: where colours come again, they have other dashes and another marker."""
    size = len(LINES)
    for number in count():
        again = number // size
        colour = LINES[number % size][0]
        dashes = LINES[(number + again) % size][2]
        yield colour, LINES[(number + 2 * again + again // size) % size][1], dashes


def _reach(ax: Axes, values: pd.Series[float]) -> None:
    """An axis from zero to a tick that no gap is above."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    # its ticks are the same however high the plot is once it is laid out
    locator = MaxNLocator(_TICKS, steps=[1, 2, 2.5, 5, 10])
    ax.yaxis.set_major_locator(locator)
    ticks = locator.tick_values(low, high or 1.0)
    ax.set_ylim(low * _BEYOND, max(float(ticks[-1]), high * _BEYOND))


def _curve(ax: Axes, part: pd.DataFrame, label: str, line: Line) -> Any:
    """A line that stays at each value until the next one, and ends with a marker."""
    colour, marker, dashes = line
    part = part.sort_values("at", kind="stable")
    [drawn] = ax.step(
        part["at"].to_numpy(), part["value"].to_numpy(), where="post", color=colour, linestyle=dashes, linewidth=1.6,
        marker=marker, markersize=5, markevery=[len(part) - 1], label=label,
    )  # fmt: skip
    return drawn


def _names(found: pd.DataFrame) -> str:
    return ", ".join(sorted(set(found["name"]))[:CURVES])
