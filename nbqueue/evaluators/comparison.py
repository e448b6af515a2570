"""Two evaluations of the same items, compared item by item."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nbqueue.evaluators.scores import mean_of


class Comparison(NamedTuple):
    """How much higher one score is than another over the same items.

    Pairing takes away what items have in common: the standard error is that of the differences, not of two samples
    (Miller 2024, "Adding Error Bars to Evals", section 4).
    """

    #: mean of the differences, item by item; None where there is no pair
    difference: float | None
    #: its standard error; None for fewer than two pairs
    stderr: float | None
    #: pairs
    n: int

    @property
    def z(self) -> float | None:
        """The difference in standard errors; None where there is none, infinite where all differences are the same."""
        if self.difference is None or self.stderr is None:
            return None
        if self.stderr == 0:
            return math.copysign(math.inf, self.difference) if self.difference else 0.0
        return self.difference / self.stderr


def paired(pairs: Iterable[tuple[Mapping[str, float], Mapping[str, float]]], name: str) -> Comparison:
    """The comparison of one score over the pairs in which both have it."""
    return Comparison(*mean_of(one[name] - other[name] for one, other in pairs if name in one and name in other))
