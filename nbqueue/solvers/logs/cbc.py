"""The log of CBC 2.x: numbered messages, with the signs of a minimisation whatever the model asks for.

Held against 2.9 and 2.10.
"""

from __future__ import annotations

import re

from nbqueue.solvers.logs.reading import Reading, Tally, count, number, seconds

_VALUE = r"(?P<objective>-?\d\S*)"
_BOUND = r"(?P<bound>-?\d\S*)"
_TIME = r"\((?P<time>\d\S*) seconds\)"
_AT = rf"(?P<nodes>\d+) nodes {_TIME}"
_SOLUTION = re.compile(rf"^Cbc00\d\dI Integer solution of {_VALUE} found .* and {_AT}")
_NODES = re.compile(
    rf"^Cbc0010I After (?P<nodes>\d+) nodes, .* tree, {_VALUE} best solution, best possible {_BOUND} {_TIME}"
)
_ROOT = re.compile(rf"^Cbc0013I At root node, .* changed objective from \S+ to {_BOUND} in")
_STOPPED = re.compile(
    rf"^Cbc0005I Partial search - best objective {_VALUE} \(best possible {_BOUND}\), took .* and {_AT}"
)
_DONE = re.compile(rf"^Cbc0001I Search completed - best objective {_VALUE}, took .* and {_AT}")
_LP_DONE = re.compile(rf"^Optimal objective {_VALUE} - .* time (?P<time>\d\S*)")
#: what says that the model asks for a maximum: the command, a setting, or what reads LP files
_MAXIMUM = re.compile(r"^command line - .* -(max\S*|direction max\S*)( |$)|^Option for direction changed .* to max")
_MAXIMUM_IN_FILE = "Maximization problem reformulated as minimization"
_BACK = "Switching back to maximization"


class CbcLog:
    """Reads the log of one run of CBC 2.x."""

    def __init__(self) -> None:
        self._sign = 1.0
        #: of the value of a plain LP, which newer versions write with the model's own sign
        self._lp_sign = 1.0
        self._tally = Tally()

    @staticmethod
    def begins(line: str) -> bool:
        """Whether a run of CBC begins with this line."""
        return line.startswith("Welcome to the CBC MILP Solver")

    def feed(self, line: str) -> Reading | None:
        """What is known after this line; None where it says nothing of that."""
        self._learn(line)
        if found := _SOLUTION.match(line):
            return self._known(found, is_new=True)
        for pattern in (_NODES, _ROOT, _STOPPED):
            if found := pattern.match(line):
                return self._known(found)
        if found := _DONE.match(line):
            return self._known(found, is_proven=True)
        if found := _LP_DONE.match(line):
            self._sign = self._lp_sign
            return self._known(found, is_proven=True)
        return None

    def _learn(self, line: str) -> None:
        """Take note of what says which way the model goes."""
        if _MAXIMUM.match(line):
            self._sign = -1.0
        elif _MAXIMUM_IN_FILE in line:
            self._sign = self._lp_sign = -1.0
        elif _BACK in line:
            self._lp_sign = 1.0

    def _known(self, found: re.Match[str], *, is_new: bool = False, is_proven: bool = False) -> Reading:
        facts = found.groupdict("")
        objective = self._signed(facts.get("objective", ""))
        return self._tally.now(
            t_s=seconds(facts.get("time", "")), objective=objective, nodes=count(facts.get("nodes", "")), is_new=is_new,
            bound=objective if is_proven else self._signed(facts.get("bound", "")),
        )  # fmt: skip

    def _signed(self, text: str) -> float | None:
        found = number(text)
        return None if found is None else self._sign * found + 0.0
