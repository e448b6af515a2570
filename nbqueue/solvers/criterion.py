"""A stopping criterion for solvers that ask one between two steps, as PyVRP does: progress and stop in one."""

from __future__ import annotations

from collections.abc import Callable

from nbqueue.errors import ConfigurationError
from nbqueue.inside.asking import should_stop
from nbqueue.inside.reporting import report

#: takes the best cost so far; of PyVRP that is an int
Criterion = Callable[[int], bool]
#: costs from here on say that there is no feasible solution yet
_NO_COST = 2**62


class Stopping:
    """True once the job is asked to stop, or one of the given criteria is true; reports each better cost."""

    def __init__(self, *criteria: Criterion) -> None:
        for each in criteria:
            if not callable(each):
                raise ConfigurationError(
                    f"stopping() got {each!r}, which is no criterion: give functions of the best cost, such as "
                    "MaxRuntime(60)."
                )
        self._criteria = criteria
        self._best = _NO_COST
        self._solutions = 0

    def __call__(self, best_cost: int) -> bool:
        """Whether to stop now, given the best cost so far."""
        if best_cost < self._best:
            self._best = best_cost
            self._solutions += 1
            report(objective=best_cost, solutions=self._solutions)
        # each is asked: one that counts its calls counts them all
        asked = [criterion(best_cost) for criterion in self._criteria]
        return should_stop() or any(asked)


def stopping(*criteria: Criterion) -> Stopping:
    """A stopping criterion for PyVRP: `model.solve(stop=solvers.stopping(MaxRuntime(60)))`.

    The solver hands back its best solution so far when the job is cancelled or runs into its time limit, or when one of
    the given criteria says so. Each better cost is reported as `objective`, and how many there were as `solutions`.
    """
    return Stopping(*criteria)
