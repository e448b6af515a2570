"""Objectives and bounds: which one is better, and how far they are apart."""

from __future__ import annotations

import math

#: two values that differ by less, relative to the larger one, are the same: solvers compute in floating point
SAME = 1e-9


def finite(value: float | None) -> float | None:
    """The value as a plain number; None where it is infinite, not a number or so large that it stands for infinity."""
    if value is None or not math.isfinite(value) or abs(value) >= 1e100:  # noqa: PLR2004 - SCIP's infinity is 1e20
        return None
    return value


def is_better(value: float | None, than: float | None, *, maximize: bool) -> bool:
    """Whether one objective is better than another; any is better than none."""
    if value is None or than is None:
        return value is not None
    return value > than if maximize else value < than


def is_tighter(value: float | None, than: float | None, *, maximize: bool) -> bool:
    """Whether one bound says more than another: bounds close in from the side that the objective wants to reach."""
    return is_better(value, than, maximize=not maximize)


def gap(objective: float | None, bound: float | None) -> float | None:
    """|objective - bound| / |objective|: 0 where they are equal; None without both, and for an objective of 0."""
    if objective is None or bound is None:
        return None
    apart = abs(objective - bound)
    if apart <= SAME * max(abs(objective), abs(bound)):
        return 0.0
    return apart / abs(objective) if objective else None
