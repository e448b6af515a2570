"""How the metrics that jobs reported went over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbqueue.analysis.facts.texts import texts

#: what solvers report of how good their solution is, drawn on one scale; the first that there is stands for a job
TOGETHER = ("objective", "value", "best", "bound")
GAP = "gap"
#: further apart no scale reaches
FAR = 1e300


def points(df: pd.DataFrame) -> pd.DataFrame:
    """The points that can be drawn: texts for job, label and name, finite numbers for at_s and value."""
    at_s = pd.to_numeric(df["at_s"], errors="coerce").astype("float64")
    value = pd.to_numeric(df["value"], errors="coerce").astype("float64")
    found = pd.DataFrame(
        {
            "job": texts(df["job"]),
            "label": texts(df["label"]),
            "name": texts(df["name"]),
            "at_s": at_s.to_numpy(),
            "value": value.clip(-FAR, FAR).to_numpy(),
        }
    )
    sound = np.isfinite(at_s.to_numpy()) & np.isfinite(value.to_numpy())
    return found[sound]


def main_metric(names: pd.Series[str]) -> str:
    """The one by which jobs are compared: a known one, or the most frequent."""
    there = set(names)
    return next((name for name in (*TOGETHER, GAP) if name in there), str(names.value_counts().index[0]))
