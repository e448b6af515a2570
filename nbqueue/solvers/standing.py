"""Where a search stands: its best solution, its tightest bound, and how it came there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nbqueue.solvers.numbers import SAME, finite, gap, is_better, is_tighter
from nbqueue.solvers.trace import Happening, Row, Trace

#: bounds and objectives that cross by less, relative to the larger one, do so because numbers are not exact
_CROSSED = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """The best solution of a search so far, as far as it is needed to go on from there."""

    objective: float | None = None
    bound: float | None = None
    #: the values in the model's order
    vector: tuple[float, ...] | None = None
    #: seconds searched until then
    elapsed_s: float = 0.0
    #: how many solutions had been found
    solutions: int = 0


class Standing:
    """Takes solutions and bounds in any order and from any thread; what is worse than what is known changes nothing."""

    def __init__(self, clock: Callable[[], float], *, maximize: bool = False, attempt: int = 1) -> None:
        """Args: what gives the seconds since the search began; which way is better; the number of the attempt."""
        self._clock = clock
        self._maximize = maximize
        self._attempt = attempt
        self._lock = threading.Lock()
        self._trace = Trace()
        self.objective: float | None = None
        self.bound: float | None = None
        self.vector: tuple[float, ...] | None = None
        self.solutions = 0

    @property
    def gap(self) -> float | None:
        """Between objective and bound, as a fraction."""
        return gap(self.objective, self.bound)

    @property
    def incumbent(self) -> Incumbent:
        """What the next attempt may start from."""
        with self._lock:
            return Incumbent(
                objective=self.objective, bound=self.bound, vector=self.vector, elapsed_s=self._clock(),
                solutions=self.solutions,
            )  # fmt: skip

    def would_improve(self, objective: float | None) -> bool:
        """Whether a solution that is worth so much would be the best one so far, by more than numbers are exact."""
        with self._lock:
            objective = finite(objective)
            better = self.objective is None or not self._same(objective)
            return better and is_better(objective, self.objective, maximize=self._maximize)

    def resume(self, found: Incumbent) -> None:
        """Begin with what an earlier attempt had."""
        with self._lock:
            self.objective, self.bound, self.vector = found.objective, found.bound, found.vector
            self.solutions = found.solutions
            self._add("resume")

    def found(self, objective: float | None, bound: float | None, vector: Sequence[float] | None) -> bool:
        """Count a solution; whether it is the best one so far."""
        with self._lock:
            self.solutions += 1
            better = self._improve(objective, vector)
            self._tighten(bound)
            self._add("solution")
            return better

    def bounded(self, bound: float | None) -> bool:
        """Take a bound; whether it is tighter than what was known."""
        with self._lock:
            tighter = self._tighten(bound)
            if tighter:
                self._add("bound")
            return tighter

    def settle(self, objective: float | None, bound: float | None, vector: Sequence[float] | None) -> None:
        """Take the last word of the solver: a solution that its callback never saw counts, others do not again."""
        with self._lock:
            objective = finite(objective)
            first = self.vector is None
            new = vector is not None and (first or is_better(objective, self.objective, maximize=self._maximize))
            if new:
                self.solutions += not (self.solutions and self._same(objective))
                self._improve(objective, vector)
            elif vector is not None and self._same(objective):
                self.vector = tuple(vector)
            tighter = self._tighten(bound)
            if new or tighter:
                self._add("solution" if new else "bound")

    def rows(self) -> tuple[Row, ...]:
        """How it got on."""
        with self._lock:
            return self._trace.rows()

    def _improve(self, objective: float | None, vector: Sequence[float] | None) -> bool:
        objective = finite(objective)
        if objective is not None and not is_better(objective, self.objective, maximize=self._maximize):
            return False
        self.objective = objective
        self.vector = None if vector is None else tuple(vector)
        if self._contradicts(self.bound):
            self.bound = None
        return True

    def _tighten(self, bound: float | None) -> bool:
        bound = finite(bound)
        if not is_tighter(bound, self.bound, maximize=self._maximize) or self._contradicts(bound):
            return False
        self.bound = bound
        return True

    def _contradicts(self, bound: float | None) -> bool:
        """Whether there is a solution that this bound forbids, as some solvers say it while they begin."""
        if bound is None or self.objective is None:
            return False
        beyond = self.objective - bound if self._maximize else bound - self.objective
        return beyond > _CROSSED * max(abs(bound), abs(self.objective), 1.0)

    def _same(self, objective: float | None) -> bool:
        if objective is None or self.objective is None:
            return objective is self.objective
        return abs(objective - self.objective) <= SAME * max(abs(objective), abs(self.objective))

    def _add(self, event: Happening) -> None:
        self._trace.add(Row(self._clock(), event, self.objective, self.bound, self.gap, self.solutions, self._attempt))
