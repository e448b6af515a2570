"""What scores amount to: a mean, its standard error, and how many there were."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Mean(NamedTuple):
    """The mean of some scores."""

    #: None where there were none
    mean: float | None
    #: the sample's standard deviation over the root of n; None for fewer than two
    stderr: float | None
    n: int


def mean_of(values: Iterable[float]) -> Mean:
    """The mean of values, summed exactly, so that their order does not matter."""
    found = list(values)
    if not found:
        return Mean(None, None, 0)
    count, mean = len(found), _sum(found) / len(found)
    if count == 1:
        return Mean(mean, None, 1)
    variance = _sum((value - mean) * (value - mean) for value in found) / (count - 1)
    return Mean(mean, math.sqrt(variance / count), count)


def _sum(values: Iterable[float]) -> float:
    """The exact sum; NaN where there is none: of both infinities, or of numbers that are too large."""
    try:
        return math.fsum(values)
    except (ValueError, OverflowError):
        return math.nan


def by_name(rows: Iterable[Mapping[str, float]], names: Sequence[str]) -> dict[str, Mean]:
    """The mean of each score over the rows that have it."""
    found = list(rows)
    return {name: mean_of(row[name] for row in found if name in row) for name in names}


def numbers(name: str, answer: Any) -> dict[str, float]:
    """What a scorer answered, by name: a number or a bool, None for no score, or a dict of several.

    Raises TypeError for anything else.
    """
    if isinstance(answer, Mapping):
        return {str(key): number for key, value in answer.items() if (number := _number(str(key), value)) is not None}
    number = _number(name, answer)
    return {} if number is None else {name: number}


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, str | bytes):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise TypeError(
        f"The scorer {name} answered {type(value).__name__}: give a number, a bool, None, or a dict of these."
    )
