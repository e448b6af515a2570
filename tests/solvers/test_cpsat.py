"""What CP-SAT has of its own: exact repetition, loops of one's own, solutions as hints; and OR-Tools beside HiGHS."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.errors import InvalidModel
from nbqueue.model.settings import Settings
from nbqueue.solvers import cpsat
from nbqueue.solvers.solution import Solution, Status
from tests.servers import Server
from tests.solvers import instances
from tests.solvers.apart import Apart
from tests.workers import running_worker


@pytest.fixture(scope="module")
def ortools(families: dict[str, Apart]) -> Apart:
    """A process with OR-Tools."""
    return families["ortools"]


def _shop(name: str, **options: Any) -> Solution:
    from tests.solvers.models import cpsat as models

    return cpsat.solve(models.shop(name)[0], **options)


@pytest.mark.parametrize(("name", "optimum"), [("ft06", 55), ("la01", 666)])
def test_job_shops_are_solved_to_their_known_optima(ortools: Apart, name: str, optimum: int) -> None:
    """The makespans of the literature, proven."""
    found = ortools.call(_shop, name)
    assert (found.status, found.objective, found.bound, found.threads) == (
        Status.OPTIMAL, optimum, optimum, max(4, len(os.sched_getaffinity(0))),
    )  # fmt: skip


def test_a_deterministic_limit_repeats_a_search_exactly(ortools: Apart) -> None:
    """One thread and one seed: the same solution, branches and bound in every run."""
    options = {"deterministic_limit": 0.05, "threads": 1, "seed": 7}
    first, again = (ortools.call(_shop, "ft10", **options) for _ in range(2))
    assert (first.status, first.stopped_by) == (Status.FEASIBLE, "deterministic_limit")
    assert (first.vector, first.bound, first.statistics["num_branches"]) == (
        again.vector, again.bound, again.statistics["num_branches"],
    )  # fmt: skip


def _watched() -> tuple[list[str], int, list[int], bool]:
    from ortools.sat.python import cp_model

    from tests.solvers.models import cpsat as models

    model, taken = models.knapsack()
    seen: list[int] = []

    class Own(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            seen.append(round(self.objective_value))

    solver = cp_model.CpSolver()
    original = solver.solve
    with cpsat.watch(solver):
        status = [solver.status_name(solver.solve(model)), solver.status_name(solver.solve(model, Own()))]
    worth = sum(value * solver.value(x) for value, x in zip(instances.VALUES, taken, strict=True))
    return status, worth, seen[-1:], solver.solve == original and solver.parameters.num_workers == 0


def test_a_loop_of_one_s_own_is_watched(ortools: Apart) -> None:
    """Its solver, its callback and its parameters stay its own, and are afterwards as they were."""
    assert ortools.call(_watched) == (["OPTIMAL", "OPTIMAL"], instances.BEST, [instances.BEST], True)


def _hinted_into() -> tuple[int, bool, int]:
    from ortools.sat.python import cp_model

    from tests.solvers.models import cpsat as models

    model, _ = models.knapsack()
    found = cpsat.solve(model)
    untouched = not len(model.proto.solution_hint.vars)
    found.hint_into(model)
    solver = cp_model.CpSolver()
    solver.parameters.stop_after_first_solution = True
    solver.parameters.num_workers = 1
    solver.parameters.cp_model_presolve = False
    solver.solve(model)
    return len(model.proto.solution_hint.vars), untouched, round(solver.objective_value)


def test_a_solution_can_be_the_hint_of_another_search(ortools: Apart) -> None:
    """`hint_into` puts it into the model; solving never does."""
    assert ortools.call(_hinted_into) == (len(instances.SIZES), True, instances.BEST)


def _invalid() -> Solution:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    model.new_int_var(0, 3, "x")
    model.proto.constraints.add().linear.vars.extend([7])
    return cpsat.solve(model)


def test_an_invalid_model_is_refused_with_cp_sat_s_own_words(ortools: Apart) -> None:
    """An infeasible one is an answer; this one has none."""
    with pytest.raises(InvalidModel, match="it is invalid: Out of bound integer variable 7"):
        ortools.call(_invalid)


def _shown() -> tuple[str, str]:
    found = _shop("ft06")
    return str(found), found._repr_html_()


def test_a_solution_is_shown_in_a_line(ortools: Apart) -> None:
    """Status, objective, bound and gap, how many were found and how long it took."""
    text, html = ortools.call(_shown)
    assert text.startswith("cpsat: optimal, objective 55, bound 55, gap 0.00%, ")
    assert html.startswith("<b>optimal</b> objective 55, bound 55, ")


@pytest.fixture
def worker(server: Server, home: Path) -> Iterator[None]:
    """One slot: its jobs share a process while it is fit."""
    settings = Settings(url=server.url, home=home)
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"):
        yield
    shutdown()


def _solve_by(name: str, kept: str) -> tuple[str, str, str]:
    """Solve by the solver of that name; what it gave, and what the attempt had of others."""
    from importlib import import_module

    from nbqueue.solvers.parameters import load

    before = nbqueue.last_checkpoint("")
    nbqueue.checkpoint(name)
    model: Any = "Maximize\n obj: x\nSubject To\n c: x <= 8\nEnd\n"
    if name == "cpsat":
        model = load("ortools.sat.python.cp_model", "solvers", "cpsat.solve").CpModel()
    return str(import_module("nbqueue.solvers." + name).solve(model).status), kept, before


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("preset", [None, "solver"])
async def test_a_job_that_meets_the_other_library_goes_on_in_another_process(preset: Any) -> None:
    """OR-Tools cannot be loaded where highspy is: the job is run again, once for all, and it costs no try.

    It has its inputs then, and what it has kept.
    """
    options = nbqueue.options(preset=preset)
    given = await options.submit(str, "given")
    jobs = []
    for name in ("highs", "cpsat", "highs", "cpsat"):
        jobs.append(await options.submit(_solve_by, name, given.output))
        await jobs[-1]
    assert [await job for job in jobs] == [("optimal", "given", before) for before in ("", "cpsat", "", "")]
    assert [(await job.info()).tries for job in jobs] == [1, 1, 1, 1]


@pytest.mark.usefixtures("worker")
async def test_a_job_that_uses_both_is_told_what_to_do() -> None:
    """No process has room for both: it fails at once, with a sentence for who is in a job already."""
    with pytest.raises(nbqueue.JobFailed, match=r"has loaded highspy\. Use them in jobs of their own\."):
        await nbqueue.run(lambda: [_solve_by(name, "") for name in ("highs", "cpsat")])


@pytest.fixture(scope="module")
def with_highspy(families: dict[str, Apart]) -> Apart:
    """A process with highspy."""
    return families["highspy"]


def _beside_highspy() -> None:
    __import__("highspy")
    cpsat.solve(None)


def test_two_libraries_that_cannot_share_a_process_are_named(with_highspy: Apart) -> None:
    """Outside of a job the sentence says what is loaded and what to do."""
    with pytest.raises(
        nbqueue.SolverUnavailable, match="ortools cannot be loaded into a process that has loaded highs"
    ):
        with_highspy.call(_beside_highspy)


def _without_objective(*, own: bool) -> tuple[Solution, Any, Any]:
    from ortools.sat.python import cp_model

    from tests.solvers.test_search import Sink, job, within

    model = cp_model.CpModel()
    model.add_all_different([model.new_int_var(0, 9, f"x{index}") for index in range(9)])
    sink = Sink()

    def act() -> Solution:
        if own:
            solver = cp_model.CpSolver()
            with cpsat.watch(solver):
                solver.solve(model)
        return cpsat.solve(model)

    return within(job(sink), act), sink.last["metrics"], sink.last.get("done", 0)


@pytest.mark.parametrize("own", [False, True])
def test_without_an_objective_there_is_none(ortools: Apart, *, own: bool) -> None:
    """No objective, bound or gap, in the answer, on the way to it or on the bar."""
    found, metrics, done = ortools.call(_without_objective, own=own)
    assert (found.status, found.objective, found.bound, found.gap) == (Status.OPTIMAL, None, None, None)
    assert {(row.objective, row.bound) for row in found.trace} == {(None, None)}
    assert (metrics, done, len(found.values)) == ({"solutions": 1}, 0, 9)


def _hinted_into_one_s_own() -> int:
    from ortools.sat.python import cp_model

    class Shop(cp_model.CpModel):
        pass

    model = Shop()
    model.new_int_var(3, 9, "x")
    cpsat.solve(model).hint_into(model)
    return len(model.proto.solution_hint.vars)


def test_a_model_of_a_class_of_one_s_own_takes_a_hint(ortools: Apart) -> None:
    """What can be solved can be hinted into."""
    assert ortools.call(_hinted_into_one_s_own) == 1
