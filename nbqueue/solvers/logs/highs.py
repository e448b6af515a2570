"""The log of HiGHS: its table of the tree search, and its reports at the end. Held against 1.9, 1.12 and 1.15."""

from __future__ import annotations

import re

from nbqueue.solvers.logs.reading import Reading, Tally, count, number, seconds

#: letter of a new solution's source, nodes, in queue, leaves, explored, bound, solution, gap, ..., time
_ROW = re.compile(
    r"^\s?(?P<source>[A-Za-z])?\s+(?P<nodes>\d\S*)\s+\S+\s+\S+\s+[\d.]+%"
    r"\s+(?P<bound>\S+)\s+(?P<objective>\S+)\s+\S+\s.*\s(?P<time>\d+(\.\d+)?s)$"
)
_PRIMAL = re.compile(r"^  Primal bound\s+(\S+)$")
_DUAL = re.compile(r"^  Dual bound\s+(\S+)$")
_TIMING = re.compile(r"^  Timing\s+(\d\S*)")
_LP_STATUS = re.compile(r"^Model status\s*: (.*)$")
_LP_VALUE = re.compile(r"^Objective value\s*:\s*(\S+)$")


class HighsLog:
    """Reads the log of one run of HiGHS."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._lp_is_optimal = False

    @staticmethod
    def begins(line: str) -> bool:
        """Whether a run of HiGHS begins with this line."""
        return line.startswith("Running HiGHS ")

    def feed(self, line: str) -> Reading | None:
        """What is known after this line; None where it says nothing of that."""
        now = self._tally.now
        if row := _ROW.match(line):
            objective = number(row["objective"])
            return now(
                t_s=seconds(row["time"]), objective=objective, bound=number(row["bound"]), nodes=count(row["nodes"]),
                is_new=bool(row["source"]) and objective is not None,
            )  # fmt: skip
        if found := _PRIMAL.match(line):
            return now(objective=number(found[1]))
        if found := _DUAL.match(line):
            return now(bound=number(found[1]))
        if found := _TIMING.match(line):
            return now(t_s=seconds(found[1]))
        if found := _LP_STATUS.match(line):
            self._lp_is_optimal = found[1] == "Optimal"
        elif self._lp_is_optimal and (found := _LP_VALUE.match(line)):
            return now(objective=number(found[1]), bound=number(found[1]))
        return None
