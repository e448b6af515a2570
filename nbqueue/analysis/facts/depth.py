"""How many attempts waited and ran at each moment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbqueue.analysis.facts.times import NEVER, Whole, milliseconds, moments

#: stretches of time for which the most is told, where there are more changes than twice as many
POINTS = 400


def depth(df: pd.DataFrame) -> pd.DataFrame:
    """How many waited and ran from each moment on: columns waiting, running.

    Waiting is from due (or submitted) to started, or to the end of what never started. Of many changes the most in each
    of `POINTS` stretches of time is told, as `attrs["is_cut"]` says.
    """
    due, submitted = milliseconds(df["due_at"]), milliseconds(df["submitted_at"])
    started, ended = milliseconds(df["started_at"]), milliseconds(df["finished_at"])
    ready = np.where(due == NEVER, submitted, due)
    spans = {"waiting": _known(ready, np.where(started == NEVER, ended, started)), "running": _known(started, ended)}
    times = np.unique(np.concatenate([each for pair in spans.values() for each in pair]))
    if not len(times):
        return pd.DataFrame(columns=list(spans))
    edges = np.unique(np.linspace(times[0], times[-1], POINTS + 1).astype("int64"))
    is_cut = len(times) > 2 * POINTS
    shown = np.union1d(times, edges) if is_cut else times
    found = {name: _at_once(pair, shown) for name, pair in spans.items()}
    if is_cut:
        begins = np.searchsorted(shown, edges)
        found = {name: np.maximum.reduceat(counts, begins) for name, counts in found.items()}
    counts = pd.DataFrame(found, index=moments(edges if is_cut else shown))
    counts.attrs["is_cut"] = is_cut
    return counts


def _known(begins: Whole, ends: Whole) -> tuple[Whole, Whole]:
    """Those with both ends; what was cancelled before it was due never waited."""
    known = (begins != NEVER) & (ends != NEVER) & (begins <= ends)
    return begins[known], ends[known]


def _at_once(pair: tuple[Whole, Whole], times: Whole) -> Whole:
    """How many there are from each of the times on."""
    changes = np.zeros(len(times), dtype="int64")
    for moment, step in zip(pair, (1, -1), strict=True):
        np.add.at(changes, np.searchsorted(times, moment), step)
    return np.cumsum(changes)
