"""The table of adapters: what the suite needs to know of each. A new adapter is a row and a module of models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from nbqueue.solvers.solution import Solution


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One adapter, and with which of its solvers."""

    name: str
    #: its module, with `solve`
    module: str
    #: the module that builds its models: knapsack, coins, caps, infeasible and, where there is such, unbounded
    models: str
    #: a package that is in its processes alone: adapters of one family share a process
    family: str
    #: which package it needs, and the extra that brings it
    package: str
    extra: str = "solvers"
    #: what else `solve` is given
    options: Mapping[str, Any] = field(default_factory=dict)
    #: whether there are models without a best solution
    has_unbounded: bool = True
    #: a parameter with one letter wrong, and what is offered instead
    wrong_parameter: tuple[str, str] = ("", "")
    #: how large a cap it surely finds in a second and a half, on a busy machine too
    cap_at_once: int = 12
    #: how many threads it can be given
    threads: int = 2

    def model(self, name: str) -> tuple[Any, list[Any]]:
        """A model of the suite and its variables."""
        found: tuple[Any, list[Any]] = getattr(import_module(self.models), name)()
        return found

    def solve(self, model: Any, **options: Any) -> Solution:
        """Solve with it."""
        found: Solution = import_module(self.module).solve(model, **{**self.options, **options})
        return found

    def __str__(self) -> str:
        return self.name


ADAPTERS = (
    Adapter(
        name="cpsat", module="nbqueue.solvers.cpsat", models="tests.solvers.models.cpsat", family="ortools",
        package="ortools", has_unbounded=False, wrong_parameter=("linearization_levl", "linearization_level"),
    ),
    Adapter(
        name="mathopt-gscip", module="nbqueue.solvers.mathopt", models="tests.solvers.models.mathopt",
        family="ortools", package="ortools", wrong_parameter=("presolv", "presolve"), threads=1,
    ),
    Adapter(
        name="mathopt-cp_sat", module="nbqueue.solvers.mathopt", models="tests.solvers.models.mathopt",
        family="ortools", package="ortools", options={"solver": "cp_sat"}, wrong_parameter=("presolv", "presolve"),
    ),
    Adapter(
        name="highs", module="nbqueue.solvers.highs", models="tests.solvers.models.highs", family="highspy",
        package="highspy", wrong_parameter=("mip_max_node", "mip_max_nodes"), cap_at_once=1,
    ),
    Adapter(
        name="scip", module="nbqueue.solvers.scip", models="tests.solvers.models.scip", family="pyscipopt",
        package="pyscipopt", extra="scip", wrong_parameter=("limits/nodez", "limits/nodes"), threads=1,
    ),
)  # fmt: skip
