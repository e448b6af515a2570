"""MathOpt of OR-Tools: linear, whole-number and quadratic models, solved by SCIP, CP-SAT, GLOP or PDLP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from enum import Enum
from typing import Any

from nbqueue.errors import ConfigurationError, InvalidModel, SolverUnavailable
from nbqueue.model.durations import Duration
from nbqueue.model.foresight import Given, foresees
from nbqueue.model.signatures import guiding
from nbqueue.solvers import hints, mathopt_model, parameters
from nbqueue.solvers.arguments import Arguments
from nbqueue.solvers.cpsat import PORTFOLIO
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status

#: what it loads, see `model/families.py`
FAMILY = "ortools"
_NAME = "mathopt.solve"
_DEFAULT = "gscip"
_INTERRUPTER = "ortools.util.python.solve_interrupter"
#: what hears a stop, and the events that each tells of beside MIP_SOLUTION
_SOLVERS = {"gscip": ("MIP_NODE",), "cp_sat": ("MIP",), "glop": (), "pdlp": (), "gurobi": ("MIP",)}
#: these have no whole numbers and tell nothing on their way
_LINEAR_ONLY = frozenset({"glop", "pdlp"})
#: what has an argument of its own here
_OURS = {
    "time_limit": "time_limit", "threads": "threads", "random_seed": "seed", "relative_gap_tolerance": "gap",
    "enable_output": "log",
}  # fmt: skip
#: parameters that a word may be given for
_WORDS = frozenset({"lp_algorithm", "presolve", "cuts", "heuristics", "scaling"})
_STATUSES = {
    "OPTIMAL": Status.OPTIMAL, "INFEASIBLE": Status.INFEASIBLE, "UNBOUNDED": Status.UNBOUNDED,
    "INFEASIBLE_OR_UNBOUNDED": Status.INFEASIBLE_OR_UNBOUNDED, "FEASIBLE": Status.FEASIBLE,
}  # fmt: skip
_LIMITS = {
    "ITERATION": "iteration_limit", "NODE": "node_limit", "SOLUTION": "solution_limit", "MEMORY": "memory",
    "OBJECTIVE": "objective_limit", "SLOW_PROGRESS": "slow_progress",
}  # fmt: skip


#: ends without an answer
_FAILURES = frozenset({"IMPRECISE", "NUMERICAL_ERROR", "OTHER_ERROR"})


def _check_own(given: Given) -> None:
    """The choice of a solver, and the threads that it has."""
    if _chosen(given.get("solver", _DEFAULT)) == "gscip":
        _one_thread(given.get("threads"))


def _tried(library: Any, given: Given) -> None:
    """Raise what MathOpt itself says of parameters, and of a hint for this model."""
    _settings(library, given.get("params"), seed=given.get("seed"), gap=None)
    if "model" in given and given.get("hint") is not None:
        model = given["model"]
        hints.pairs(given["hint"], mathopt_model.described(model, mathopt_model.names(model)))


_ARGUMENTS = Arguments(
    solver=_NAME, library="ortools.math_opt.python.mathopt", models=(("ortools.math_opt", "Model"),),
    wanted="a Model of ortools.math_opt.python.mathopt", title=mathopt_model.title, own=_check_own, tried=_tried,
)  # fmt: skip


@foresees(check=_ARGUMENTS.foresee, label=_ARGUMENTS.label)
@guiding
def solve(
    model: Any,
    solver: Any = _DEFAULT,
    *,
    time_limit: Duration | None = None,
    total_limit: Duration | None = None,
    gap: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
    hint: Any = None,
    params: Any = None,
    log: bool = False,
) -> Solution:
    """The best solution of a MathOpt `Model`. Asked to stop, in a job by a cancel, it gives the best one so far.

    Args:
        model: the Model; it is not changed.
        solver: "gscip" (whole numbers), "cp_sat" (whole numbers, bounded), "glop" (linear), "pdlp" (linear, very
            large) or, with a licence, "gurobi"; or a SolverType.
        time_limit: seconds, a timedelta or text such as "5min", of search. A job's own time limit ends it too, a little
            before.
        total_limit: the same of all attempts of the job together.
        gap: a relative gap that is small enough, for example 0.01.
        threads: how many search, and how many processors they share in a job. SCIP has one. Default: those that the job
            may use, for CP-SAT at least four threads.
        seed: of the solver's random choices.
        hint: what to start from: a Solution, values by variable or name, or all values in the model's order. A later
            attempt starts from what the one before it had found.
        params: other fields of MathOpt's SolveParameters by name, for example `{"presolve": "off"}`.
        log: whether the solver's log goes to the job's log, or is printed.

    Raises:
        SolverUnavailable: OR-Tools is not installed, or Gurobi or its licence is not there.
        InvalidModel: it is no Model, or one that this solver refuses.
        ConfigurationError: a solver, a limit, a parameter or a hint that cannot be used.
    """
    given = locals()
    library = parameters.load(_ARGUMENTS.library, "solvers", _NAME)
    _ARGUMENTS.check(given)
    name = _chosen(solver)
    search = Search(
        f"mathopt {name}", maximize=mathopt_model.maximizes(model), model=lambda: mathopt_model.data(model),
        names=mathopt_model.names(model),
        limits=Limits.of(given),
        threads=1 if name == "gscip" else threads,
        least_threads=PORTFOLIO if name == "cp_sat" else 1,
    )  # fmt: skip
    settings = _settings(library, params, seed=seed, gap=gap)
    if name not in _LINEAR_ONLY:
        settings.threads = search.threads
    start = _started(library, model, search, hint)
    found = _run(library, search, model, name, settings=settings, start=start, log=log)
    return _answer(search, model, found)


def _chosen(solver: Any) -> str:
    name = str(solver.name if isinstance(solver, Enum) else solver).lower()
    if name in _SOLVERS:
        return name
    if name == "highs":
        raise ConfigurationError(
            "mathopt.solve does not run HiGHS: within MathOpt it hears no stop and tells nothing on its way. "
            'Use nbqueue.solvers.highs.solve, or solver="gscip".'
        )
    raise ConfigurationError(f"mathopt.solve has no solver {solver!r}: give one of {', '.join(_SOLVERS)}.")


def _one_thread(threads: int | None) -> None:
    """SCIP within MathOpt fails or hangs with more than one (seen with OR-Tools 9.15)."""
    if threads not in (None, 1):
        raise ConfigurationError(
            f'mathopt.solve with gscip has one thread, not threads={threads!r}: leave it out, or take solver="cp_sat".'
        )


def _settings(library: Any, params: Any, *, seed: int | None, gap: float | None) -> Any:
    found = library.SolveParameters(random_seed=seed, relative_gap_tolerance=gap)
    known = [each.name for each in fields(found)]
    for name, value in parameters.check_params(params).items():
        if name in _OURS:
            raise ConfigurationError(f"{_NAME} takes {name} as an argument of its own: give {_OURS[name]}=...")
        if name not in known:
            raise parameters.unknown_parameter(_NAME, name, known, _OURS)
        setattr(found, name, _by_name(library, name, value))
    try:
        found.to_proto()
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{_NAME} cannot use these parameters: {error}.") from None
    return found


def _by_name(library: Any, name: str, value: Any) -> Any:
    """The member of an enumeration that a word names."""
    if not isinstance(value, str):
        return value
    if name not in _WORDS:
        raise parameters.bad_value(_NAME, name, value, "a number")
    kind = library.LPAlgorithm if name == "lp_algorithm" else library.Emphasis
    if value.upper() not in kind.__members__:
        raise parameters.bad_value(_NAME, name, value, f"one of {', '.join(each.lower() for each in kind.__members__)}")
    return kind[value.upper()]


def _started(library: Any, model: Any, search: Search, hint: Any) -> Any:
    """What the solver gets beside the model: where to start."""
    pairs = hints.pairs(hint, mathopt_model.described(model, search.names))
    if search.warm is not None and search.warm.vector is not None:
        pairs = list(enumerate(search.warm.vector))
    found = library.ModelSolveParameters()
    if pairs:
        variables = list(model.variables())
        values = {variables[index]: float(value) for index, value in pairs}
        found.solution_hints.append(library.SolutionHint(variable_values=values))
    return found


def _run(library: Any, search: Search, model: Any, name: str, *, settings: Any, start: Any, log: bool) -> Any:
    interrupter = parameters.load(_INTERRUPTER, "solvers", _NAME).SolveInterrupter()
    tells = name not in _LINEAR_ONLY and mathopt_model.is_whole(model)
    names = ("MIP_SOLUTION", *_SOLVERS[name]) if tells else ()
    limit_s = search.time_limit
    settings.time_limit = None if limit_s is None else timedelta(seconds=limit_s)

    def tell(event: Any) -> Any:
        _told(search, model, event)
        return library.CallbackResult()

    def solve_() -> Any:
        return library.solve(
            model, library.SolverType[name.upper()], params=settings, model_params=start,
            msg_cb=(lambda lines: search.log("\n".join(lines))) if log else None,
            callback_reg=library.CallbackRegistration(events={library.Event[each] for each in names}),
            cb=tell if tells else None, interrupter=interrupter,
        )  # fmt: skip

    try:
        return search.run(solve_, interrupter.interrupt)
    except (AttributeError, RuntimeError, ValueError) as error:
        raise _refused(name, error) from error


def _told(search: Search, model: Any, event: Any) -> None:
    """What the solver says on its way: SCIP shows solutions again and again, and what they are worth comes later."""
    stats = event.mip_stats
    bound = stats.dual_bound if stats.HasField("dual_bound") else None
    if event.event.name == "MIP_SOLUTION" and event.solution is not None:
        worth = mathopt_model.objective(model, event.solution)
        if search.standing.would_improve(worth):
            search.found(worth, bound, mathopt_model.in_order(model, event.solution))
    search.bounded(bound)


def _refused(name: str, error: Exception) -> Exception:
    """What the solver said: OR-Tools 9.15 fails to pass it on, and leaves it in the error's context."""
    said = error.__context__ if "canonical_code" in str(error) and error.__context__ else error
    text = str(said).strip().rstrip(".")
    if name == "gurobi" and ("bad_function_call" in text or "icense" in text or "oad" in text):
        return SolverUnavailable(
            f"{_NAME} cannot use Gurobi here, as its library or its licence is not there ({text}): install both, or "
            'take solver="gscip".'
        )
    return InvalidModel(f"{_NAME} with {name} refuses this model or its parameters: {text}.")


def _answer(search: Search, model: Any, found: Any) -> Solution:
    end = found.termination
    best = next((each.primal_solution for each in found.solutions if _is_feasible(each.primal_solution)), None)
    limit = None if end.limit is None else end.limit.name
    return search.solution(
        _STATUSES.get(end.reason.name, Status.UNKNOWN),
        objective=None if best is None else best.objective_value,
        bound=end.objective_bounds.dual_bound,
        vector=None if best is None else mathopt_model.in_order(model, best.variable_values),
        limited=end.reason.name.lower() if end.reason.name in _FAILURES else _LIMITS.get(limit or ""),
        statistics=_statistics(found),
    )


def _is_feasible(primal: Any) -> bool:
    return primal is not None and primal.feasibility_status.name == "FEASIBLE"


def _statistics(found: Any) -> Mapping[str, int | float | str]:
    stats = found.solve_stats
    names = ("simplex_iterations", "barrier_iterations", "first_order_iterations", "node_count")
    return {
        "solve_time": stats.solve_time.total_seconds(), "termination": found.termination.reason.name,
        "detail": found.termination.detail, **{name: getattr(stats, name) for name in names},
    }  # fmt: skip
