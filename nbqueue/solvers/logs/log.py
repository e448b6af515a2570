"""The log of whatever solver speaks: it is known by how it begins, and read by what knows it."""

from __future__ import annotations

from typing import Protocol

from nbqueue.solvers.logs.cbc import CbcLog
from nbqueue.solvers.logs.cbc_tables import CbcTables
from nbqueue.solvers.logs.highs import HighsLog
from nbqueue.solvers.logs.reading import Reading
from nbqueue.solvers.logs.scip import ScipLog


class Reader(Protocol):
    """Reads the log of one solve."""

    def feed(self, line: str) -> Reading | None:
        """What is known after this line; None where it says nothing of that."""


class Log:
    """Reads the lines of a process in which solvers run, one after another."""

    def __init__(self) -> None:
        self._reader: Reader | None = None
        #: which solver speaks: "highs", "scip" or "cbc"; None before the first
        self.solver: str | None = None
        #: how many solves have begun
        self.solves = 0

    def feed(self, line: str) -> Reading | None:
        """What is known of the search after this line; None where it says nothing of that."""
        line = line.rstrip()
        for solver, kind in _KINDS:
            if kind.begins(line):
                self._begin(solver, kind)
        return self._reader.feed(line) if self._reader is not None else None

    def _begin(self, solver: str, kind: type[_Kind]) -> None:
        reader = self._reader
        if isinstance(reader, ScipLog) and kind is ScipLog and not reader.is_over:
            return  # it says so again when it starts its search anew
        self._reader, self.solver = kind(), solver
        self.solves += 1


_Kind = HighsLog | ScipLog | CbcLog | CbcTables
_KINDS: tuple[tuple[str, type[_Kind]], ...] = (
    ("highs", HighsLog), ("scip", ScipLog), ("cbc", CbcLog), ("cbc", CbcTables),
)  # fmt: skip
