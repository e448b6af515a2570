"""CP-SAT of OR-Tools: models of whole numbers, schedules and logic."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from nbqueue.errors import ConfigurationError, InvalidModel
from nbqueue.model.durations import Duration
from nbqueue.model.foresight import Given, foresees
from nbqueue.model.signatures import guiding
from nbqueue.solvers import cpsat_model, cpsat_parameters, hints, parameters
from nbqueue.solvers.arguments import Arguments
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status

#: threads at least: they are a portfolio of strategies rather than processors, and on one processor four of them prove
#: more than one does
PORTFOLIO = 4
#: what it loads, see `model/families.py`
FAMILY = "ortools"
_NAME = "cpsat.solve"
_WANTED = "a CpModel of ortools.sat.python.cp_model"
_STATISTICS = (
    "deterministic_time", "user_time", "num_branches", "num_conflicts", "num_booleans", "num_binary_propagations",
    "num_integer_propagations", "num_restarts", "num_lp_iterations", "gap_integral", "solution_info",
)  # fmt: skip


def _tried(cp_model: Any, given: Given) -> None:
    """Raise what CP-SAT itself says of parameters, and of a hint for this model."""
    ours = {"random_seed": given.get("seed")}
    cpsat_parameters.put(cp_model.CpSolver().parameters, _NAME, given.get("params"), ours)
    if "model" in given and given.get("hint") is not None:
        model = given["model"]
        hints.pairs(given["hint"], cpsat_model.described(model, cpsat_model.names(model)))


_ARGUMENTS = Arguments(
    solver=_NAME, library="ortools.sat.python.cp_model", models=(("ortools.sat", "CpModel"),), wanted=_WANTED,
    title=cpsat_model.title, tried=_tried,
)  # fmt: skip


@foresees(check=_ARGUMENTS.foresee, label=_ARGUMENTS.label)
@guiding
def solve(
    model: Any,
    *,
    time_limit: Duration | None = None,
    total_limit: Duration | None = None,
    deterministic_limit: float | None = None,
    gap: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
    hint: Any = None,
    params: Any = None,
    log: bool = False,
) -> Solution:
    """The best solution of a `CpModel`. Asked to stop, in a job by a cancel, it gives the best one so far.

    Args:
        model: the CpModel; it is not changed.
        time_limit: seconds, a timedelta or text such as "5min", of search. A job's own time limit ends it too, a little
            before.
        total_limit: the same of all attempts of the job together.
        deterministic_limit: a limit in CP-SAT's deterministic time, a number, for runs that are to be repeated exactly:
            with `threads=1` and a `seed`.
        gap: a relative gap that is small enough, for example 0.01.
        threads: how many search, and how many processors they share in a job. Default: at least four, on the processors
            that the job may use.
        seed: of CP-SAT's random choices.
        hint: what to start from: a Solution, values by variable or name, or all values in the model's order. It stands
            in for a hint of the model's own. A later attempt starts from what the one before it had found.
        params: other parameters of CP-SAT by name, for example `{"linearization_level": 0}`.
        log: whether CP-SAT's log goes to the job's log, or is printed.

    Raises:
        SolverUnavailable: OR-Tools is not installed.
        InvalidModel: it is no CpModel, or CP-SAT finds it invalid.
        ConfigurationError: a limit, a parameter or a hint that cannot be used.
    """
    given = locals()
    cp_model = parameters.load(_ARGUMENTS.library, "solvers", _NAME)
    _ARGUMENTS.check(given)
    search = Search(
        "cpsat", maximize=cpsat_model.maximizes(model), model=lambda: cpsat_model.text(model), threads=threads,
        names=cpsat_model.names(model), least_threads=PORTFOLIO,
        limits=Limits.of(given),
    )  # fmt: skip
    solver = cp_model.CpSolver()
    ours = {"max_deterministic_time": deterministic_limit, "relative_gap_limit": gap, "random_seed": seed}
    cpsat_parameters.put(solver.parameters, _NAME, params, {**ours, "num_workers": search.threads})
    solver.parameters.log_search_progress = log
    start = _started(model, search, hint)
    status = solver.status_name(_run(search, solver, solver.solve, start, None))
    if status == "MODEL_INVALID":
        raise _invalid(model, cpsat_model.response(solver))
    return _answer(search, solver, model, status, deterministic_limit)


@contextlib.contextmanager
def watch(solver: Any) -> Iterator[None]:
    """Within this block each `solver.solve(model)` of your own CpSolver tells how it gets on and stops when asked.

    Its parameters stay yours, but for the number of threads where none is set, and a job's time limit, which ends the
    search too. A job that is run again starts from what the attempt before it had found.
    """
    cp_model = parameters.load("ortools.sat.python.cp_model", "solvers", "cpsat.watch")
    if not isinstance(solver, cp_model.CpSolver):
        raise parameters.wrong_model("cpsat.watch", solver, "the CpSolver that you solve with")
    original = solver.solve

    def solve_watched(model: Any, solution_callback: Any = None) -> Any:
        _ARGUMENTS.check({"model": model})
        own = solver.parameters
        search = Search(
            "cpsat", maximize=cpsat_model.maximizes(model), model=lambda: cpsat_model.text(model),
            names=cpsat_model.names(model), threads=own.num_workers or None, least_threads=PORTFOLIO,
            limits=Limits(time_limit=cpsat_parameters.time_limit(own)),
        )  # fmt: skip
        with cpsat_parameters.restored(own):
            own.num_workers = search.threads
            start = _started(model, search, None)
            return _run(search, solver, original, start, solution_callback)

    solver.solve = solve_watched
    try:
        yield
    finally:
        del solver.solve


def _started(model: Any, search: Search, hint: Any) -> Any:
    """The model, or a copy with the hint: what an earlier attempt had found is the better one."""
    pairs = hints.pairs(hint, cpsat_model.described(model, search.names))
    if search.warm is not None and search.warm.vector is not None:
        pairs = list(enumerate(search.warm.vector))
    if not pairs:
        return model
    copy = model.clone()
    cpsat_model.put_hint(copy, pairs)
    return copy


def _run(search: Search, solver: Any, call: Callable[[Any, Any], Any], model: Any, callback: Any) -> Any:
    """Search, with callbacks that tell; those of the user's own are called as well."""
    told, aims = (solver.best_bound_callback, solver.log_callback), model.has_objective()
    if aims:
        solver.best_bound_callback = _both(search.bounded, told[0])
    if solver.parameters.log_search_progress and told[1] is None:
        solver.log_callback = search.log
        solver.parameters.log_to_stdout = False
    limit_s = search.time_limit
    if limit_s is not None:
        solver.parameters.max_time_in_seconds = limit_s
    # a Ctrl-C is heard by Python, which stops the search by the way of all stops
    solver.parameters.catch_sigint_signal = False
    teller = _teller(search, aims=aims) if callback is None else _told_too(callback, search, aims=aims)
    try:
        return search.run(lambda: call(model, teller), solver.stop_search)
    finally:
        solver.best_bound_callback, solver.log_callback = told
        if callback is not None:
            del callback.on_solution_callback


def _teller(search: Search, *, aims: bool) -> Any:
    from ortools.sat.python import cp_model

    class Teller(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            search.found(*_seen(self, aims=aims))

    return Teller()


def _told_too(callback: Any, search: Search, *, aims: bool) -> Any:
    """The user's own callback, and before it ours."""
    own = callback.on_solution_callback

    def on_solution_callback() -> None:
        search.found(*_seen(callback, aims=aims))
        own()

    callback.on_solution_callback = on_solution_callback
    return callback


def _seen(callback: Any, *, aims: bool) -> tuple[float | None, float | None, list[int]]:
    """Objective, bound and values, in a callback; only values where the model has no objective."""
    vector = list(cpsat_model.response(callback).solution)
    return (callback.objective_value, callback.best_objective_bound, vector) if aims else (None, None, vector)


def _both(first: Callable[[float], None], second: Callable[[float], None] | None) -> Callable[[float], None]:
    if second is None:
        return first

    def call(bound: float) -> None:
        first(bound)
        second(bound)

    return call


def _answer(search: Search, solver: Any, model: Any, status: str, deterministic_limit: float | None) -> Solution:
    response = cpsat_model.response(solver)
    found = status in ("OPTIMAL", "FEASIBLE")
    aims = model.has_objective()
    statistics = {name: getattr(response, name) for name in _STATISTICS if hasattr(response, name)}
    spent = float(response.deterministic_time)
    return search.solution(
        Status(status.lower()),
        objective=solver.objective_value if found and aims else None,
        bound=solver.best_objective_bound if found and aims else None,
        vector=list(response.solution) if found else None,
        limited="deterministic_limit" if deterministic_limit and spent >= deterministic_limit else None,
        statistics=statistics,
    )


def _invalid(model: Any, response: Any) -> Exception:
    why = model.validate().strip()
    if why:
        return InvalidModel(f"{_NAME} cannot solve this model, it is invalid: {why.splitlines()[0]}")
    return ConfigurationError(f"{_NAME} cannot solve with these parameters: {response.solution_info}.")
