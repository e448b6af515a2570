"""The log of CBC after 2.x: tables under headings, with the model's own signs.

Held against the build of its development in cbcbox 2.935.
"""

from __future__ import annotations

import re

from nbqueue.solvers.logs.reading import Reading, Tally, count, number, seconds

_NEW = "★"
_RULE = "─"
_HEADING = "▶ "
_RESULT = re.compile(r"^✔ .* — (Obj|BestSol): ")
_FACT = re.compile(r"(\w+): (\S+)")


class CbcTables:
    """Reads the log of one run of CBC: tables by where their columns end."""

    def __init__(self) -> None:
        #: where each column of the table under way ends, by its name
        self._ends: dict[str, int] = {}
        self._line_before = ""
        self._tally = Tally()

    @staticmethod
    def begins(line: str) -> bool:
        """Whether a run of CBC begins with this line."""
        return line.startswith("CBC ") and line.endswith("COIN-OR Branch and Cut")

    def feed(self, line: str) -> Reading | None:
        """What is known after this line; None where it says nothing of that."""
        before, self._line_before = self._line_before, line
        if _RESULT.match(line):
            return self._result(line)
        if line.startswith(_HEADING):
            self._ends = {}
        elif line.strip().startswith(_RULE):
            self._ends = {found[0]: found.end() for found in re.finditer(r"\S+", before)}
        elif {"Nodes", "BestSol", "BestBound", "Time(s)"} <= self._ends.keys():
            return self._row(line)
        elif line.lstrip().startswith(_NEW) and {"Pass", "BestSol", "Time(s)"} <= self._ends.keys():
            return self._known(objective=self._cell(line, "BestSol"), time=self._cell(line, "Time(s)"), is_new=True)
        return None

    def _row(self, line: str) -> Reading | None:
        """A row of the tree search."""
        words = line.replace(_NEW, " ").split()
        if len(words) < len(("nodes", "tree", "depth", "bound", "gap", "time")) or number(words[0]) is None:
            return None
        return self._known(
            nodes=words[0], objective=self._cell(line, "BestSol"), bound=self._cell(line, "BestBound"), time=words[-1],
            is_new=_NEW in line,
        )  # fmt: skip

    def _result(self, line: str) -> Reading:
        facts = dict(_FACT.findall(line))
        return self._known(
            nodes=facts.get("Nodes", ""),
            objective=facts.get("Obj") or facts.get("BestSol", ""),
            # an LP has no other bound than its value
            bound=facts.get("Bound") or facts.get("Obj", ""),
            time=facts.get("Time", ""),
        )

    def _cell(self, line: str, column: str) -> str:
        """The word that ends where the column does."""
        found = line[: self._ends[column]].split()
        return found[-1] if found else ""

    def _known(
        self, *, objective: str = "", bound: str = "", nodes: str = "", time: str = "", is_new: bool = False
    ) -> Reading:
        return self._tally.now(
            t_s=seconds(time), objective=number(objective), bound=number(bound), nodes=count(nodes), is_new=is_new
        )
