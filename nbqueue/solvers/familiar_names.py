"""What to write in the place of names that answers have with the solvers' own libraries: a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbqueue.model.familiar import by_name, missing

#: what is wanted, and the names it has with OR-Tools, highspy, PySCIPOpt, Gurobi, PuLP, Pyomo, CVXPY and scipy
OF_SOLUTION: Mapping[str, str] = by_name({
    "it is called solution.objective": "objective_value ObjectiveValue best_objective obj objVal ObjVal obj_val fun "
    "getObjVal get_objective_value primal_bound primalbound cost",
    "it is called solution.bound": "best_objective_bound best_bound best_bound_value BestObjectiveBound ObjBound "
    "objective_bound dual_bound dualbound mip_dual_bound getDualbound",
    "it is called solution.gap": "mip_gap MIPGap rel_gap relative_gap mip_rel_gap getGap",
    "solution.value(x) gives it for a variable, an expression, a name or a place": "get_value Value boolean_value "
    "BooleanValue float_value getVal getSolVal val variable_value var_value",
    "solution.values has them by name, solution.vector in the model's order": "x X get_values boolean_values "
    "variable_values variables col_value getVars col_values assignment",
    'solution.status says it, as "optimal"': "status_name StatusName solve_status termination_condition "
    "termination_reason termination success is_optimal proven_optimal getStatus",
    "bool(solution) says whether there is one": "found has_solution is_feasible feasible",
    "it is called solution.stopped_by": "stop_reason reason stopped",
    "it is called solution.wall_s, in seconds": "wall_time WallTime user_time solve_time solving_time runtime Runtime "
    "time duration elapsed",
    "it is called solution.solutions": "num_solutions n_solutions solution_count SolCount",
    "solution.trace has it, solution.frame() as a pandas frame": "history log progress to_frame to_pandas dataframe df",
    "solution.statistics has numbers of the solver's own": "stats info num_branches num_conflicts num_booleans "
    "NumBranches NumConflicts nodes node_count response_stats solution_info ResponseStats",
})  # fmt: skip


class ForSolution:
    """What a solution says of names that it has not; a checker of types says so by itself."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what to write instead."""
            raise missing(self, name, OF_SOLUTION)
