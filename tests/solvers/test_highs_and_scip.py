"""What HiGHS and SCIP have of their own, as jobs: files, logs, limits and refusals. What all have is in the suite."""

import gzip
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue import ConfigurationError, JobFailed, run
from nbqueue.errors import InvalidModel, NbqueueError
from nbqueue.solvers.solution import Status
from tests.solvers import knapsacks

LP = """Minimize
 obj: 3 x + 2 y
Subject To
 c1: x + y >= 4
 c2: x + 3 y >= 6
General
 x
End
"""

pytestmark = pytest.mark.parametrize("name", ["highs", "scip"])


@pytest.fixture(autouse=True)
def _no_process_left_behind(client_of_served: None) -> None:
    """As everywhere, except that the module's worker may replace its processes."""


def solve_of(name: str) -> Any:
    """The function under test."""
    if name == "scip":
        pytest.importorskip("pyscipopt")
    return import_module(f"nbqueue.solvers.{name}").solve


async def refusal(name: str, **arguments: Any) -> BaseException | None:
    """What is said of these arguments: here, where the solver is loaded, else by the worker."""
    try:
        await run(solve_of(name), **arguments)
    except JobFailed as failed:
        return failed.__cause__
    except NbqueueError as at_once:
        return at_once
    return None


async def test_a_known_optimum_is_proven(name: str) -> None:
    """The answer has status, objective, bound and values by name; the job has the same as metrics."""
    job = await nbqueue.submit(solve_of(name), knapsacks.as_lp())
    found = await job
    optimum = pytest.approx(knapsacks.OPTIMUM)
    assert (found.solver, found.status, found.objective, found.bound, found.gap) == (
        name, Status.OPTIMAL, optimum, optimum, 0.0,
    )  # fmt: skip
    assert (found.stopped_by, found.attempt, len(found.values), bool(found)) == (None, 1, knapsacks.ITEMS, True)
    values = knapsacks.weights_and_values()[1]
    assert sum(worth * found.value(f"x{item}") for item, worth in enumerate(values)) == optimum
    record = await job.info()
    assert record.progress.metrics == {
        "objective": optimum, "bound": optimum, "gap": 0.0, "solutions": found.solutions,
    }  # fmt: skip
    objectives = [row.objective for row in found.trace if row.event == "solution"]
    assert objectives == sorted(objectives)
    bounds = [row.bound for row in found.trace if row.bound is not None]
    assert bounds == sorted(bounds, reverse=True)
    assert record.progress.done == 100


async def test_all_forms_of_a_file_are_read(name: str, tmp_path: Path) -> None:
    """A path, a text, bytes and compressed bytes are the same model."""
    solve = solve_of(name)
    path, packed = tmp_path / "model.lp", tmp_path / "model.lp.gz"
    path.write_text(LP, encoding="utf-8")
    packed.write_bytes(gzip.compress(LP.encode()))
    forms = (path, str(path), packed, LP, LP.encode(), gzip.compress(LP.encode()))
    assert [(await run(solve, each)).objective for each in forms] == [8.0] * len(forms)


async def test_limits_of_ones_own_are_named(name: str) -> None:
    """A gap that is small enough, or a parameter of the solver's own, ends it with a solution that is not proven."""
    solve = solve_of(name)
    near = await run(solve, knapsacks.as_lp(), gap=0.2)
    assert (near.status, near.stopped_by, near.gap <= 0.2) == (Status.FEASIBLE, "gap", True)
    few = {"highs": {"mip_max_improving_sols": 2}, "scip": {"limits/bestsol": 2}}[name]
    found = await run(solve, knapsacks.as_lp(), params=few)
    assert (found.status, found.stopped_by) == (Status.FEASIBLE, "solution_limit")


async def test_the_log_goes_to_the_job(name: str) -> None:
    """With `log=True` it is there line by line, else there is none."""
    solve = solve_of(name)
    loud = await nbqueue.submit(solve, knapsacks.as_lp(), log=True)
    quiet = await nbqueue.submit(solve, knapsacks.as_lp())
    await loud
    await quiet
    table = {"highs": "BestBound       BestSol", "scip": "primalbound"}[name]
    assert table in await loud.logs()
    assert await quiet.logs() == ""


@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        ({"model": "no/such.mps"}, InvalidModel, 'cannot read the model file "no/such.mps": No such file'),
        ({"model": "no model\nat all\n"}, InvalidModel, "this model"),
        ({"hint": {"w": 1}}, ConfigurationError, 'hint names a variable "w" that is not in the model'),
        ({"params": {"limits/nodez": 1}}, ConfigurationError, 'has no parameter "limits/nodez"'),
    ],
)
async def test_refusals_are_sentences(name: str, arguments: dict[str, Any], kind: type, sentence: str) -> None:
    """What cannot be used is named, with what can."""
    cause = await refusal(name, **{"model": LP, **arguments})
    assert (type(cause), sentence in str(cause)) == (kind, True), cause


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"highs": {"presolve": "maybe"}, "scip": {"limits/nodes": "many"}}, {
            "highs": "presolve='maybe': give one of \"off\", \"choose\" or \"on\".",
            "scip": "limits/nodes='many': give a whole number that SCIP allows there.",
        }),
        ({"highs": {"time_limit": 1.0}, "scip": {"limits/time": 1.0}}, {
            "highs": "takes time_limit as an argument of its own: give time_limit=...",
            "scip": "takes limits/time as an argument of its own: give time_limit=...",
        }),
    ],
    ids=["value", "ours"],
)  # fmt: skip
async def test_parameters_are_checked(name: str, params: dict[str, Any], sentence: dict[str, str]) -> None:
    """A value that the solver refuses, and a parameter that is an argument here, are said."""
    assert sentence[name] in str(await refusal(name, model=LP, params=params[name]))
