"""SCIP by PySCIPOpt: models with whole numbers, linear and nonlinear."""

from __future__ import annotations

import threading
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.foresight import Given, foresees
from nbqueue.model.signatures import guiding
from nbqueue.solvers import hints, parameters, scip_model, scip_parameters
from nbqueue.solvers.arguments import Arguments
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.model_files import is_file_like
from nbqueue.solvers.scip_events import Watch, listen
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status

_NAME = "scip.solve"
_WANTED = "a Model of pyscipopt, or a model in the MPS, LP or CIP format as path, text or bytes"
_STATUS = {
    "optimal": Status.OPTIMAL, "infeasible": Status.INFEASIBLE, "unbounded": Status.UNBOUNDED,
    "inforunbd": Status.INFEASIBLE_OR_UNBOUNDED,
}  # fmt: skip
_LIMITED = {
    "gaplimit": "gap", "nodelimit": "node_limit", "totalnodelimit": "node_limit", "stallnodelimit": "stall_node_limit",
    "memlimit": "memory_limit", "sollimit": "solution_limit", "bestsollimit": "solution_limit",
    "restartlimit": "restart_limit", "primallimit": "primal_limit", "duallimit": "dual_limit",
}  # fmt: skip
_STATISTICS = {
    "nodes": "getNTotalNodes", "lp_iterations": "getNLPIterations", "solutions_tried": "getNSolsFound",
    "presolving_time": "getPresolvingTime", "solving_time": "getSolvingTime",
}  # fmt: skip


def _check_own(given: Given) -> None:
    if (threads := given.get("threads")) not in (None, 1):
        raise ConfigurationError(
            f"threads={threads!r} cannot be used: SCIP searches with one thread. Leave it out, and run several "
            "searches as jobs beside one another."
        )


def _tried(library: Any, given: Given) -> None:
    """Raise what SCIP itself says of parameters, and of a hint for this model."""
    model = given.get("model")
    of_model = model if model is not None and not is_file_like(model) else None
    fresh, params = library.Model(), given.get("params") or {}
    if params and of_model is not None:
        of_plugins = of_model.getParams().keys() - fresh.getParams().keys()
        params = {name: value for name, value in params.items() if name not in of_plugins}
    with scip_parameters.put(fresh, _NAME, params, {"randomization/randomseedshift": given.get("seed")}):
        pass
    if of_model is not None and given.get("hint") is not None:
        hints.pairs(given["hint"], scip_model.described(of_model, scip_model.names(of_model)))


_ARGUMENTS = Arguments(
    solver=_NAME, library="pyscipopt", models=(("pyscipopt", "Model"),), wanted=_WANTED, takes_files=True,
    title=scip_model.title, own=_check_own, tried=_tried,
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
        model: a `pyscipopt.Model`; it is solved with the plugins that it has, and is afterwards as it was before, not
            solved, but without the start that it may have held. Or a model in the MPS, LP or CIP format: a path, a
            text, or bytes, gzip-compressed or not.
        time_limit: seconds, a timedelta or text such as "5min", of search. A job's own time limit ends it too, a little
            before.
        total_limit: the same of all attempts of the job together.
        gap: a relative gap that is small enough, for example 0.01, as SCIP counts it: of the smaller of objective and
            bound.
        threads: SCIP searches with one; nothing else can be given.
        seed: of SCIP's random choices.
        hint: what to start from: a Solution, values by name, of all variables or some, or all values in the model's
            order. A later attempt starts from what the one before it had found.
        params: other parameters of SCIP by name, for example `{"heuristics/emphasis": "aggressive"}`.
        log: whether SCIP's log goes to the job's log, or is printed.

    Raises:
        SolverUnavailable: PySCIPOpt is not installed.
        InvalidModel: it is no model of PySCIPOpt, or SCIP cannot read it.
        ConfigurationError: a limit, a parameter or a hint that cannot be used.
    """
    given = locals()
    library = parameters.load(_ARGUMENTS.library, "scip", _NAME)
    _ARGUMENTS.check(given)
    model = _loaded(library, model)
    search = Search(
        "scip", maximize=scip_model.maximizes(model), model=lambda: scip_model.text(model), threads=1,
        names=scip_model.names(model),
        limits=Limits.of(given, own_limit=scip_parameters.time_limit(model)),
    )  # fmt: skip
    ours = {
        "limits/gap": gap, "randomization/randomseedshift": seed, "misc/catchctrlc": False,
        "display/verblevel": None if log else 0,
        # what was found is in the answer: kept in the model it would be the start of the next search
        "misc/transsolsorig": False,
    }  # fmt: skip
    with scip_parameters.put(model, _NAME, params, ours):
        return _solve(library, model, search, hint, log=log)


def _loaded(library: Any, model: Any) -> Any:
    """The model, ready to be solved."""
    if is_file_like(model):
        return scip_model.read(library, model, _NAME)
    model.freeTransform()
    return model


def _solve(library: Any, model: Any, search: Search, hint: Any, *, log: bool) -> Solution:
    pairs = hints.pairs(hint, scip_model.described(model, search.names))
    if search.warm is not None and search.warm.vector is not None:
        pairs = list(enumerate(search.warm.vector))
    if pairs:
        scip_model.put_hint(model, pairs)
    if log:
        model.hideOutput(quiet=False)
    stop = threading.Event()
    watch = Watch(search, model, stop)
    listen(library, model, watch)

    def run() -> None:
        limit_s = search.time_limit
        with scip_parameters.put(model, _NAME, None, {"limits/time": limit_s}):
            # the other one holds Python's lock all the time
            model.optimizeNogil()

    def interrupt() -> None:
        stop.set()
        model.interruptSolve()

    try:
        search.run(run, interrupt)
        return _answer(model, search)
    finally:
        model.freeTransform()
        watch.end()


def _answer(model: Any, search: Search) -> Solution:
    ended = model.getStatus()
    proven = _STATUS.get(ended)
    found = model.getNSols() > 0 and proven in (None, Status.OPTIMAL)
    best = model.getBestSol() if found else None
    objective = model.getSolObjVal(best) if found else None
    return search.solution(
        proven or (Status.FEASIBLE if found else Status.UNKNOWN),
        objective=objective,
        bound=scip_model.bound(model) if proven is None else objective,
        vector=[model.getSolVal(best, variable) for variable in scip_model.variables(model)] if found else None,
        limited=_LIMITED.get(ended),
        statistics={name: getattr(model, method)() for name, method in _STATISTICS.items() if hasattr(model, method)},
    )
