"""One thing that a solver's log says of its search, and how logs write numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

from nbqueue.solvers.numbers import gap

#: from here on a number stands for infinity: SCIP writes 1e+20, CBC 1e+50
_INFINITE = 1e20
_FACTORS = {"k": 1e3, "m": 1e6, "g": 1e9}
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known of a search at one moment."""

    #: seconds since the solver began, by its own clock
    t_s: float = 0.0
    #: of the best solution so far; None before the first
    objective: float | None = None
    #: no solution is better than this; None while nothing is proven
    bound: float | None = None
    #: how many were found so far, each better than the one before
    solutions: int = 0
    #: nodes of the search tree so far
    nodes: int = 0

    @property
    def gap(self) -> float | None:
        """|objective - bound| / |objective|: 0 where they are equal, None without both."""
        return gap(self.objective, self.bound)


class Tally:
    """What a log has said so far."""

    def __init__(self) -> None:
        self._known = Reading()

    def now(
        self,
        *,
        t_s: float | None = None,
        objective: float | None = None,
        bound: float | None = None,
        nodes: int | None = None,
        is_new: bool = False,
    ) -> Reading:
        """What is known now; None: no more than before.

        Args:
            t_s: seconds since the solver began.
            objective: of the best solution.
            bound: the tightest one.
            nodes: of the search tree.
            is_new: whether the log marks the solution as one that was just found.
        """
        before = self._known
        found = is_new or (objective is not None and not before.solutions)
        self._known = Reading(
            t_s=before.t_s if t_s is None else t_s,
            objective=before.objective if objective is None else objective,
            bound=before.bound if bound is None else bound,
            solutions=before.solutions + found,
            nodes=before.nodes if nodes is None else nodes,
        )
        return self._known


def number(text: str) -> float | None:
    """A number of a log (-1.5e+02, 12k, 7.5M, 95%); None where it is none or stands for infinity."""
    text = text.strip().rstrip("%")
    factor = _FACTORS.get(text[-1:].lower(), 1.0)
    try:
        found = float(text if factor == 1.0 else text[:-1]) * factor
    except ValueError:
        return None
    # a solver's -0 is 0
    return found + 0.0 if isfinite(found) and abs(found) < _INFINITE else None


def count(text: str) -> int | None:
    """A count of a log; None where it is none."""
    found = number(text)
    return None if found is None else int(found)


def seconds(text: str) -> float | None:
    """A time of a log (0.5, 1.2s, 90m); None where it is none."""
    found = _TIME.search(text.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None
