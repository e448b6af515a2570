"""How an evaluation stands while it goes on: counts and running means, told as progress and metrics."""

from __future__ import annotations

from collections.abc import Iterable

from nbqueue.evaluators.evaluation import Sample
from nbqueue.evaluators.failures import Failures
from nbqueue.inside import progress, report

#: the metric that has the number of items that failed, so that a card says so whose job has succeeded
FAILED = "failed"


class Tally:
    """Counts rows as they come."""

    def __init__(self, total: int, rows: Iterable[Sample]) -> None:
        self._total = total
        self._done = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self._failures = Failures()
        for row in rows:
            self._count(row)

    @property
    def errors(self) -> int:
        """How many rows have an error."""
        return len(self._failures)

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that were seen, in the order of their names."""
        return tuple(sorted(self._sums))

    def add(self, row: Sample) -> None:
        """Count a row, and tell it."""
        self._count(row)
        self.tell()

    def tell(self) -> None:
        """Report how far it is."""
        progress(self._done, self._total, str(self._failures) or None)
        failed = {FAILED: self.errors} if self.errors else {}
        report(**{**failed, **{name: total / count for name, (total, count) in self._sums.items()}})

    def _count(self, row: Sample) -> None:
        self._done += 1
        if row.error:
            self._failures.add(row.error)
        for name, value in row.scores.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)
