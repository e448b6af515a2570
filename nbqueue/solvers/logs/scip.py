"""The log of SCIP: its table, by the names of its columns, and the summary at the end. Held against 9.2 and 10."""

from __future__ import annotations

import re

from nbqueue.solvers.logs.reading import Reading, Tally, count, number, seconds

_TIME = re.compile(r"^Solving Time \(sec\)\s*:\s*(\S+)")
_NODES = re.compile(r"^Solving Nodes\s*:\s*(\d+)")
_PRIMAL = re.compile(r"^Primal Bound\s*:\s*(\S+)")
_DUAL = re.compile(r"^Dual Bound\s*:\s*(\S+)")
_BEGINNINGS = ("original problem has ", "presolving:", "feasible solution found by ")


class ScipLog:
    """Reads the log of one solve of SCIP."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._columns: tuple[str, ...] = ()
        #: whether its status was said, so that what begins now is another solve
        self.is_over = False

    @staticmethod
    def begins(line: str) -> bool:
        """Whether a solve of SCIP may begin with this line."""
        return line.startswith(_BEGINNINGS)

    def feed(self, line: str) -> Reading | None:
        """What is known after this line; None where it says nothing of that."""
        if "|" in line:
            return self._table(line)
        if line.startswith("SCIP Status"):
            self.is_over = True
        elif found := _TIME.match(line):
            return self._tally.now(t_s=seconds(found[1]))
        elif found := _NODES.match(line):
            return self._tally.now(nodes=int(found[1]))
        elif found := _PRIMAL.match(line):
            return self._tally.now(objective=number(found[1]))
        elif found := _DUAL.match(line):
            return self._tally.now(bound=number(found[1]))
        return None

    def _table(self, line: str) -> Reading | None:
        cells = tuple(cell.strip() for cell in line.split("|"))
        if "time" in cells and "primalbound" in cells:
            self._columns = cells
            return None
        if not self._columns or len(cells) != len(self._columns):
            return None
        row = dict(zip(self._columns, cells, strict=True))
        objective, t_s = number(row["primalbound"]), seconds(row["time"])
        if t_s is None:
            return None
        return self._tally.now(
            t_s=t_s, objective=objective, bound=number(row.get("dualbound", "")), nodes=count(row.get("node", "")),
            # what found a new solution is a letter or a star before the time
            is_new=objective is not None and not row["time"][0].isdigit(),
        )  # fmt: skip
