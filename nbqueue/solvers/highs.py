"""HiGHS: linear and quadratic models, with whole numbers where they are linear."""

from __future__ import annotations

import math
import threading
from typing import Any

from nbqueue.errors import InvalidModel
from nbqueue.model.durations import Duration
from nbqueue.model.foresight import Given, foresees
from nbqueue.model.signatures import guiding
from nbqueue.solvers import cores, highs_model, highs_options, hints, parameters
from nbqueue.solvers.arguments import Arguments
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.model_files import is_file_like, readable
from nbqueue.solvers.numbers import finite
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status

#: what it loads, see `model/families.py`
FAMILY = "highspy"
_NAME = "highs.solve"
_WANTED = "a Highs, HighsModel or HighsLp of highspy, or a model in the MPS or LP format as path, text or bytes"
_STATUS = {
    "kOptimal": Status.OPTIMAL, "kModelEmpty": Status.OPTIMAL, "kInfeasible": Status.INFEASIBLE,
    "kUnbounded": Status.UNBOUNDED, "kUnboundedOrInfeasible": Status.INFEASIBLE_OR_UNBOUNDED,
}  # fmt: skip
_LIMITED = {
    "kIterationLimit": "iteration_limit", "kSolutionLimit": "solution_limit", "kObjectiveBound": "objective_bound",
    "kObjectiveTarget": "objective_target", "kMemoryLimit": "memory_limit",
}  # fmt: skip
#: ends of a run that give nothing, and were the model's fault
_BROKEN = {"kLoadError", "kModelError", "kPresolveError", "kSolveError", "kPostsolveError", "kNotset"}
_STATISTICS = (
    "simplex_iteration_count", "ipm_iteration_count", "crossover_iteration_count", "pdlp_iteration_count",
    "qp_iteration_count", "mip_node_count", "max_primal_infeasibility", "max_dual_infeasibility",
    "max_integrality_violation", "primal_dual_integral",
)  # fmt: skip
_FEASIBLE = 2
#: how many threads the pool has that HiGHS keeps for a process, and the processors that they run on for good; HiGHS
#: refuses to run with another number
_pool: tuple[int, frozenset[int]] = (0, frozenset())


def _tried(highspy: Any, given: Given) -> None:
    """Raise what HiGHS itself says of options, and of a hint for this model."""
    complaints: list[str] = []
    ours = {"random_seed": given.get("seed")}
    highs_options.put(_quiet(highspy, complaints), _NAME, given.get("params"), ours, complaints)
    model = given.get("model")
    if model is not None and not is_file_like(model) and given.get("hint") is not None:
        hints.pairs(given["hint"], highs_model.described(model, highs_model.names(model)))


_ARGUMENTS = Arguments(
    solver=_NAME, library="highspy", models=(("highspy", "Highs"), ("highspy", "HighsModel"), ("highspy", "HighsLp")),
    wanted=_WANTED, takes_files=True, title=highs_model.title, tried=_tried,
)  # fmt: skip


@foresees(check=_ARGUMENTS.foresee, label=_ARGUMENTS.label)
@guiding
def solve(
    model: Any,
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
    """The best solution of a model. Asked to stop, in a job by a cancel, it gives the best one so far.

    Args:
        model: a `highspy.Highs` (it is not changed; its options count), HighsModel or HighsLp; or a model in the MPS or
            LP format: a path, a text, or bytes, gzip-compressed or not.
        time_limit: seconds, a timedelta or text such as "5min", of search. A job's own time limit ends it too, a little
            before.
        total_limit: the same of all attempts of the job together.
        gap: a relative gap that is small enough, for example 0.01. HiGHS's own is 0.0001: nearer is optimal to it.
        threads: how many search, and how many processors they share in a job. Default: as many as the job may use.
        seed: of HiGHS's random choices.
        hint: what to start from: a Solution, values by variable or name, or all values in the model's order. Default:
            the values that the Highs holds. A later attempt starts from what the one before it had found.
        params: other options of HiGHS by name, for example `{"mip_heuristic_effort": 0.2}`.
        log: whether HiGHS's log goes to the job's log, or is printed.

    Raises:
        SolverUnavailable: highspy is not installed.
        InvalidModel: it is no model of HiGHS, or HiGHS cannot solve it.
        ConfigurationError: a limit, an option or a hint that cannot be used.
    """
    given = locals()
    highspy = parameters.load(_ARGUMENTS.library, "solvers", _NAME)
    _ARGUMENTS.check(given)
    complaints: list[str] = []
    solver = _loaded(highspy, model, complaints)
    search = Search(
        "highs", maximize=highs_model.maximizes(solver), model=lambda: highs_model.text(solver), threads=threads,
        names=highs_model.names(solver),
        limits=Limits.of(given, own_limit=finite(solver.getOptions().time_limit)),
    )  # fmt: skip
    ours = {"mip_rel_gap": gap, "random_seed": seed, "threads": search.threads}
    highs_options.put(solver, _NAME, params, ours, complaints)
    _start(solver, search, highs_model.solution(model) if hasattr(model, "getSolution") else (), hint)
    _run(highspy, solver, search, log=log)
    return _answer(solver, search, complaints)


def _loaded(highspy: Any, model: Any, complaints: list[str]) -> Any:
    """A Highs of our own with the model, and the options that it came with; its complaints go into the list."""
    solver = _quiet(highspy, complaints, model.getOptions() if isinstance(model, highspy.Highs) else None)
    if is_file_like(model):
        with readable(model, _NAME, ("mps", "lp")) as path:
            done = solver.readModel(str(path))
    elif isinstance(model, highspy.Highs):
        done = solver.passModel(model.getModel())
    else:
        done = solver.passModel(model)
    if done == highspy.HighsStatus.kError or (is_file_like(model) and not solver.getNumCol()):
        raise InvalidModel(f"{_NAME} cannot read this model: give {_WANTED}.")
    return solver


def _quiet(highspy: Any, complaints: list[str], options: Any = None) -> Any:
    """A Highs that prints nothing; what it complains of goes into the list."""
    solver = highspy.Highs()
    if options is not None:
        solver.passOptions(options)
    solver.setOptionValue("output_flag", True)  # noqa: FBT003 - as they have it
    solver.setOptionValue("log_to_console", False)  # noqa: FBT003

    def said(event: Any) -> None:
        kind, _, text = event.message.partition(":")
        if kind in ("ERROR", "WARNING"):
            complaints.append(text.strip().rstrip("."))

    solver.cbLogging.subscribe(said)
    return solver


def _start(solver: Any, search: Search, own: Any, hint: Any) -> None:
    """Give it what to start from: what an earlier attempt had found is the best, then the hint, then its own."""
    pairs = hints.pairs(hint, highs_model.described(solver, search.names))
    if search.warm is not None and search.warm.vector is not None:
        pairs = list(enumerate(search.warm.vector))
    pairs = pairs or list(enumerate(own))
    # an LP starts from a basis, not from values
    if pairs and highs_model.has_integers(solver):
        highs_model.put_hint(solver, pairs)


def _run(highspy: Any, solver: Any, search: Search, *, log: bool) -> None:
    stop = threading.Event()
    _listen(solver, search, stop)
    if log:
        solver.cbLogging.subscribe(lambda event: search.log(event.message))

    def run() -> None:
        _renew_pool(highspy, search.threads)
        limit_s = search.time_limit
        if limit_s is not None:
            solver.setOptionValue("time_limit", limit_s)
        if solver.run() == highspy.HighsStatus.kError and solver.getModelStatus().name == "kNotset":
            # the user's own code has run HiGHS with another number of threads
            highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003
            solver.run()

    search.run(run, stop.set)


def _renew_pool(highspy: Any, threads: int) -> None:
    """Have HiGHS begin with new threads where those that it keeps are more or fewer, or pinned to other processors."""
    global _pool  # noqa: PLW0603 - HiGHS has one for the process
    wanted = (threads, frozenset(cores.allowed()))
    if _pool != wanted:
        highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003 - as they have it
        _pool = wanted


def _listen(solver: Any, search: Search, stop: threading.Event) -> None:
    """Have HiGHS tell of what it finds, and ask whether it is to stop."""

    def improved(event: Any) -> None:
        data = event.data_out
        search.found(data.objective_function_value, data.mip_dual_bound, _vector(data.mip_solution, columns))

    def asked(event: Any) -> None:
        if stop.is_set():
            event.data_in.user_interrupt = True

    def asked_in_tree(event: Any) -> None:
        search.bounded(event.data_out.mip_dual_bound)
        asked(event)

    columns = highs_model.lp(solver).num_col_
    solver.cbMipImprovingSolution.subscribe(improved)
    solver.cbMipInterrupt.subscribe(asked_in_tree)
    solver.cbSimplexInterrupt.subscribe(asked)
    solver.cbIpmInterrupt.subscribe(asked)


def _vector(values: Any, columns: int) -> list[float]:
    """The values of a callback; older versions give a pointer to them."""
    return values.tolist() if hasattr(values, "tolist") else [values[index] for index in range(columns)]


def _answer(solver: Any, search: Search, complaints: list[str]) -> Solution:
    ended, info = solver.getModelStatus().name, solver.getInfo()
    if ended in _BROKEN:
        why = complaints[-1] if complaints else f"it ended as {solver.modelStatusToString(solver.getModelStatus())}"
        raise InvalidModel(f"{_NAME} cannot solve this model. HiGHS says: {why}.")
    proven = _STATUS.get(ended)
    found = proven is Status.OPTIMAL or (proven is None and info.primal_solution_status == _FEASIBLE)
    objective = info.objective_function_value if found else None
    in_tree = highs_model.has_integers(solver) and ended != "kModelEmpty"
    numbers = {name: getattr(info, name) for name in _STATISTICS if hasattr(info, name)}
    return search.solution(
        proven or (Status.FEASIBLE if found else Status.UNKNOWN),
        objective=objective,
        bound=info.mip_dual_bound if in_tree else objective if proven else None,
        vector=list(solver.getSolution().col_value) if found else None,
        limited=_LIMITED.get(ended),
        # what it does not know is infinite or below 0
        statistics={name: value for name, value in numbers.items() if 0 <= value < math.inf},
    )
