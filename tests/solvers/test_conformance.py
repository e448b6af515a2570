"""What is true of all adapters, called as plain functions."""

import math
from typing import Any

import pytest

from nbqueue.errors import ConfigurationError, InvalidModel, SolverUnavailable
from nbqueue.solvers.solution import Solution, Status
from tests.solvers import instances
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart
from tests.waiting import SLACK

every = pytest.mark.parametrize("adapter", ADAPTERS, ids=str, scope="module")


def solved(adapter: Adapter, name: str, **options: Any) -> Solution:
    """The solution of a model of the suite."""
    return adapter.solve(adapter.model(name)[0], **options)


@every
def test_the_best_is_found_and_proven_where_more_is_better(adapter: Adapter, apart: Apart) -> None:
    """The best knapsack is worth 25; bound and objective meet there, and nothing stopped the search."""
    found = apart.call(solved, adapter, "knapsack")
    assert (found.status, found.stopped_by, found.gap) == (Status.OPTIMAL, None, 0)
    assert found.objective == found.bound == pytest.approx(instances.BEST)
    assert bool(found)


@every
def test_the_best_is_found_and_proven_where_less_is_better(adapter: Adapter, apart: Apart) -> None:
    """Three coins are the fewest."""
    found = apart.call(solved, adapter, "coins")
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(instances.FEWEST)
    assert {name: round(value) for name, value in found.values.items()} == {
        "of_1": 0, "of_5": 0, "of_10": 0, "of_21": 3, "of_25": 0,
    }  # fmt: skip


@every
def test_a_model_without_a_solution_is_no_error(adapter: Adapter, apart: Apart) -> None:
    """It is infeasible: that is an answer, with no value in it."""
    found = apart.call(solved, adapter, "infeasible")
    assert (found.status, found.objective, found.vector, found.stopped_by, bool(found)) == (
        Status.INFEASIBLE, None, None, None, False,
    )  # fmt: skip
    with pytest.raises(LookupError, match="the search ended infeasible"):
        found.value("x")


@pytest.mark.parametrize("adapter", [each for each in ADAPTERS if each.has_unbounded], ids=str, scope="module")
def test_a_model_without_a_best_solution_is_no_error(adapter: Adapter, apart: Apart) -> None:
    """It is unbounded, or one of two where the solver does not find out which."""
    found = apart.call(solved, adapter, "unbounded")
    assert found.status in {Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED}
    assert (found.bound, found.stopped_by) == (None, None)


@every
def test_a_time_limit_keeps_the_best_so_far(adapter: Adapter, apart: Apart) -> None:
    """After its second a search that would go on for minutes hands back a good solution, and calls it no more."""
    found = apart.call(solved, adapter, "caps", time_limit=1.5)
    assert (found.status, found.stopped_by) == (Status.FEASIBLE, "time_limit")
    assert found.objective is not None
    assert found.bound is not None
    assert adapter.cap_at_once <= found.objective <= instances.LARGEST_CAP <= found.bound
    assert found.vector is not None
    assert instances.is_cap(list(found.vector))
    assert sum(found.vector) == pytest.approx(found.objective)
    assert found.wall_s < 3 * SLACK


@every
def test_a_gap_that_is_good_enough_is_said_to_be_the_end(adapter: Adapter, apart: Apart) -> None:
    """A search that ends within the user's gap has proven no optimum."""
    found = apart.call(solved, adapter, "caps", gap=3.0, time_limit=20)
    assert (found.status, found.stopped_by) == (Status.FEASIBLE, "gap")
    assert found.gap is not None
    assert 0 < found.gap <= 3.0


@every
def test_the_trace_closes_in(adapter: Adapter, apart: Apart) -> None:
    """Row by row time goes on, the objective gets better, the bound tighter, and there are more solutions."""
    rows = apart.call(solved, adapter, "caps", time_limit=1.0).trace
    assert [row.t_s for row in rows] == sorted(row.t_s for row in rows)
    objectives = [row.objective for row in rows if row.objective is not None]
    bounds = [row.bound for row in rows if row.bound is not None]
    counts = [row.solutions for row in rows]
    assert (objectives, bounds, counts) == (sorted(objectives), sorted(bounds, reverse=True), sorted(counts))
    assert {row.event for row in rows} <= {"solution", "bound"}
    assert counts[-1] >= 1


def _frame(adapter: Adapter) -> tuple[list[str], int, int]:
    found = solved(adapter, "knapsack")
    frame = found.frame()
    return list(frame.columns), len(frame), len(found.trace)


@every
def test_the_trace_is_a_frame(adapter: Adapter, apart: Apart) -> None:
    """One row a moment, with the columns that are documented."""
    columns, rows, moments = apart.call(_frame, adapter)
    assert columns == ["t_s", "event", "objective", "bound", "gap", "solutions", "attempt"]
    assert rows == moments >= 1


def _values(adapter: Adapter) -> tuple[float, float, float, float, float]:
    model, taken = adapter.model("knapsack")
    found = adapter.solve(model)
    worth = sum(value * x for value, x in zip(instances.VALUES, taken, strict=True))
    return found.value(worth), found.value(2 * taken[3] + 1), found.value(taken[3]), found.value("x3"), found.value(3)


@every
def test_values_are_read_with_the_model_s_own_variables(adapter: Adapter, apart: Apart) -> None:
    """A variable, an expression, a name and a place all give a value."""
    worth, expression, *same = apart.call(_values, adapter)
    assert worth == pytest.approx(instances.BEST)
    assert expression == pytest.approx(2 * same[0] + 1)
    assert same == [same[0]] * 3


def _hinted(adapter: Adapter) -> tuple[float | None, Solution, Solution]:
    model, _ = adapter.model("caps")
    first = adapter.solve(model, time_limit=1.0)
    by_name = first.values
    return (
        first.objective,
        adapter.solve(model, time_limit=0.7, hint=first),
        adapter.solve(adapter.model("caps")[0], time_limit=0.7, hint=by_name),
    )


@every
def test_a_hint_is_where_the_search_begins(adapter: Adapter, apart: Apart) -> None:
    """A solution, or values by name, given as a hint: the search never ends worse than that."""
    before, again, by_name = apart.call(_hinted, adapter)
    assert before is not None
    for found in (again, by_name):
        assert found.objective is not None
        assert found.objective >= before - 1e-6
        assert next(row for row in found.trace if row.objective is not None).objective == pytest.approx(before)


@every
def test_the_number_of_threads_is_what_was_asked_for(adapter: Adapter, apart: Apart) -> None:
    """It is said in the answer."""
    assert apart.call(solved, adapter, "knapsack", threads=adapter.threads).threads == adapter.threads


@every
def test_a_misspelt_parameter_is_refused_with_the_right_name(adapter: Adapter, apart: Apart) -> None:
    """The nearest names that there are stand in the sentence."""
    wrong, right = adapter.wrong_parameter
    with pytest.raises(ConfigurationError, match=f'has no parameter "{wrong}".*{right}'):
        apart.call(solved, adapter, "knapsack", params={wrong: 1})


@every
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time_limit": -1}, "time_limit=-1 cannot be used: give seconds above 0"),
        ({"gap": -0.1}, "gap=-0.1 cannot be used: give a fraction from 0"),
        ({"time_limit": math.nan}, "time_limit=nan cannot be used"),
        ({"hint": {"nobody": 1}}, 'hint names a variable "nobody" that is not in the model'),
        ({"hint": [1]}, "hint has 1 values, and the model has 8 variables"),
        ({"hint": 3}, "hint=3 cannot be used"),
        ({"params": 3}, "params=3 cannot be used: give a dict"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(
    adapter: Adapter, apart: Apart, options: dict[str, Any], said: str
) -> None:
    """The sentence says what came and what to give."""
    with pytest.raises(ConfigurationError, match=said):
        apart.call(solved, adapter, "knapsack", **options)


@every
def test_something_else_than_a_model_is_refused(adapter: Adapter, apart: Apart) -> None:
    """The sentence says what came, and what is wanted."""
    with pytest.raises(InvalidModel, match="cannot solve what it was given, dict: give a"):
        apart.call(adapter.solve, {})


def _without(adapter: Adapter) -> str:
    import sys

    sys.modules[adapter.package] = None  # type: ignore[assignment]  # this is how Python marks what is not there
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if name.startswith(f"{adapter.package}.")}
    try:
        adapter.solve(object())
    except SolverUnavailable as error:
        return str(error)
    finally:
        del sys.modules[adapter.package]
        sys.modules.update(before)
    return ""


@every
def test_a_missing_package_is_named_with_the_command_that_installs_it(adapter: Adapter, bare: Apart) -> None:
    """Nothing else is needed to get on."""
    said = bare.call(_without, adapter)
    assert f"needs the package {adapter.package}, which is not installed here" in said
    assert f"pip install 'nbqueue[{adapter.extra}]'" in said


def _loaded(adapter: Adapter) -> bool:
    import sys
    from importlib import import_module

    import_module(adapter.module)
    return adapter.package in sys.modules


@every
def test_an_adapter_can_be_imported_without_its_package(adapter: Adapter, bare: Apart) -> None:
    """A client submits with no solver installed: none is imported before something is solved."""
    assert bare.call(_loaded, adapter) is False
