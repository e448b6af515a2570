"""What a solver gives: a plain value that needs no solver to be read, sent or kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from html import escape
from typing import Any

from nbqueue.solvers import libraries
from nbqueue.solvers.familiar_names import ForSolution
from nbqueue.solvers.libraries import shared
from nbqueue.solvers.numbers import gap
from nbqueue.solvers.trace import Row

Number = int | float


class Status(StrEnum):
    """What a solver proved, no more: a search that was stopped is feasible or unknown, whatever stopped it."""

    #: no solution is better, within the gap that the solver itself allows
    OPTIMAL = "optimal"
    #: there is a solution, and no proof that none is better
    FEASIBLE = "feasible"
    #: proven: there is no solution
    INFEASIBLE = "infeasible"
    #: proven: there is no best solution, each has a better one
    UNBOUNDED = "unbounded"
    #: one of the two; the solver did not find out which
    INFEASIBLE_OR_UNBOUNDED = "infeasible_or_unbounded"
    #: it ended with neither a solution nor a proof
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Solution(ForSolution):
    """The best solution of a search and what is known of it. `bool(solution)` says whether there is one."""

    #: which solver it was, for example "cpsat"
    solver: str
    status: Status
    #: of the best solution; None without one, or without an objective
    objective: float | None = None
    #: no solution is better than this; None where nothing is proven
    bound: float | None = None
    #: what the variables are called, in the model's order; "" where they have no name
    names: tuple[str, ...] = field(default=(), repr=False)
    #: their values, in the model's order; None without a solution
    vector: tuple[Number, ...] | None = field(default=None, repr=False)
    #: what ended the search before a proof: "time_limit", "deterministic_limit", "gap" and other limits of one's own
    #: ("limit" where the solver does not say which); "cancel", "timeout" and "shutdown" of the job; "interrupt" by the
    #: keyboard; "kill" where its process died before it knew why; None after a proof
    stopped_by: str | None = None
    #: how the search got on, at most 5,000 rows
    trace: tuple[Row, ...] = field(default=(), repr=False)
    #: seconds that this attempt searched
    wall_s: float = 0.0
    #: how many solutions were found, those of earlier attempts included
    solutions: int = 0
    #: the attempt of its job, from 1
    attempt: int = 1
    #: how many threads searched
    threads: int = 1
    #: numbers and words of the solver's own
    statistics: Mapping[str, Number | str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return self.vector is not None

    @property
    def gap(self) -> float | None:
        """|objective - bound| / |objective|: 0 where they are equal, None without both."""
        return gap(self.objective, self.bound)

    @cached_property
    def values(self) -> dict[str | int, Number]:
        """The value of each variable by its name; of one that has none, or shares it, by its place in the model."""
        found: dict[str | int, Number] = {}
        for place, value in enumerate(self.vector or ()):
            name = self.names[place] if place < len(self.names) else ""
            found[name if name and name not in self._shared else place] = value
        return found

    def value(self, of: Any) -> Any:
        """The value of a variable or expression of the model, of a variable by its name, or by its place in the model.

        Of a list or tuple of these it is the list of their values.

        Raises:
            LookupError: there is no solution, no such variable, or more than one of that name.
            InvalidModel: it is of another model, as far as that can be known: by its place, and by the names and the
                number of the variables of its model; or it is nothing that has a value.
        """
        if self.vector is None:
            raise LookupError(f"There is no value: the search ended {self.status}, without a solution.")
        if isinstance(of, list | tuple):
            return [self.value(each) for each in of]
        if isinstance(of, str):
            if of in self._shared:
                count = self._shared[of]
                raise LookupError(f'{count} variables of this model are called "{of}": ask with the variable itself.')
            if of not in self.values:
                raise LookupError(f'The model has no variable "{of}". {self._known_names()}')
            return self.values[of]
        if isinstance(of, int):
            if not 0 <= of < len(self.vector):
                raise LookupError(f"The model has no variable at place {of}: it has {len(self.vector)}, from 0 on.")
            return self.vector[of]
        return libraries.value(of, self.vector, self.names)

    def hint_into(self, model: Any) -> None:
        """Make this solution the start of the next search of a model: of the same one, or of one with the same names.

        Raises:
            LookupError: there is no solution.
            ConfigurationError: it is of a model without any name that this one has.
        """
        if self.vector is None:
            raise LookupError(f"There is nothing to start from: the search ended {self.status}, without a solution.")
        libraries.hint(model, self.vector, self.names)

    def frame(self) -> Any:
        """The trace as a pandas frame.

        Columns: t_s (seconds since the search began, earlier attempts included), event ("solution", "bound" or
        "resume"), objective (best so far), bound (tightest so far), gap (fraction), solutions (so far), attempt.
        """
        import pandas as pd

        found = pd.DataFrame(list(self.trace), columns=list(Row._fields))
        return found.astype(dict.fromkeys(("t_s", "objective", "bound", "gap"), "float64"))

    def __str__(self) -> str:
        facts = [f"{self.solver}: {self.status}"]
        if self.stopped_by:
            facts[0] += f" (stopped by {self.stopped_by})"
        facts += [f"{name} {value:.10g}" for name, value in self._numbers() if value is not None]
        if self.gap is not None:
            facts.append(f"gap {self.gap:.2%}")
        facts.append(f"{self.solutions} solution{'' if self.solutions == 1 else 's'} in {self.wall_s:.3g} s")
        return ", ".join(facts)

    def _numbers(self) -> tuple[tuple[str, float | None], ...]:
        return ("objective", self.objective), ("bound", self.bound)

    def _repr_html_(self) -> str:
        return (
            f"<b>{escape(self.status)}</b> {escape(str(self).partition(', ')[2])} <small>{escape(self.solver)}</small>"
        )

    @cached_property
    def _shared(self) -> dict[str, int]:
        """Names that several variables have, and how many."""
        return shared(self.names)

    def _known_names(self) -> str:
        names = [name for name in self.values if isinstance(name, str)]
        some = ", ".join(names[:5])
        return f"It has {len(names)} with names{f', such as {some}' if some else ''}."
