"""Values of the notebook's own variables, where their names or places are not as simple as they mostly are."""

from time import monotonic
from typing import Any

import pytest

from nbqueue.errors import InvalidModel
from nbqueue.solvers import mathopt, mathopt_model, scip
from nbqueue.solvers.solution import Solution, Status
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart
from tests.waiting import SLACK


@pytest.fixture(scope="module")
def pyscipopt(families: dict[str, Apart]) -> Apart:
    """A process with PySCIPOpt."""
    pytest.importorskip("pyscipopt")
    return families["pyscipopt"]


@pytest.fixture(scope="module")
def ortools(families: dict[str, Apart]) -> Apart:
    """A process with OR-Tools."""
    return families["ortools"]


def _fixed(**values: float) -> tuple[Any, list[Any]]:
    from pyscipopt import Model

    model = Model()
    model.hideOutput()
    return model, [model.addVar(name.strip("_"), lb=value, ub=value, obj=1) for name, value in values.items()]


def _named_like_transformed() -> list[float]:
    model, (nine, zero, two) = _fixed(t_1=9, _1=0, t_a=2)
    found = scip.solve(model)
    return [found.value(each) for each in (nine, zero, two, 3 * nine + two)]


def test_names_that_begin_as_scip_s_own_do_are_the_user_s(pyscipopt: Apart) -> None:
    """SCIP puts "t_" before the names of variables that it has transformed; others may begin so, too."""
    assert pyscipopt.call(_named_like_transformed) == [9, 0, 2, 29]


def _of_one_name() -> float:
    model, (one, other) = _fixed(a=1, _a=7)
    return float(scip.solve(model).value(one + other))


def test_variables_of_one_name_are_not_mistaken_for_one_another(pyscipopt: Apart) -> None:
    """Variables of SCIP are known by their names: where several have one, nothing is guessed."""
    with pytest.raises(InvalidModel, match='several variables with the name "a"'):
        pyscipopt.call(_of_one_name)


def _many_of_scip() -> float:
    _, variables = _fixed(**{f"x{index}": index for index in range(5_000)})
    found = Solution(
        solver="scip", status=Status.OPTIMAL, names=tuple(each.name for each in variables), vector=tuple(range(5_000))
    )
    before = monotonic()
    assert [found.value(each) for each in variables] == list(range(5_000))
    return monotonic() - before


def _many_of_mathopt() -> float:
    from ortools.math_opt.python import mathopt as mo

    model = mo.Model()
    variables = [model.add_variable(lb=index, ub=index) for index in range(20_000)]
    model.delete_variable(variables.pop(0))
    before = monotonic()
    assert [mathopt_model.place(each) for each in variables] == list(range(19_999))
    spent_s = monotonic() - before
    model.delete_variable(variables.pop(0))
    assert mathopt.solve(model, "glop").value(variables[-1]) == 19_999
    return spent_s


def test_values_of_many_variables_are_read_one_by_one_in_no_time(pyscipopt: Apart, ortools: Apart) -> None:
    """What is known of a model's names or places is not made anew for each."""
    assert pyscipopt.call(_many_of_scip) < SLACK
    assert ortools.call(_many_of_mathopt) < SLACK


def _compared(adapter: Adapter) -> list[str]:
    model, (first, second, *_) = adapter.model("knapsack")
    found = adapter.solve(model)
    said = []
    for comparison in (first <= 3, first + second == 1):
        with pytest.raises(InvalidModel) as caught:
            found.value(comparison)
        said.append(str(caught.value))
    return said


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str, scope="module")
def test_a_comparison_has_no_value(adapter: Adapter, apart: Apart) -> None:
    """It is true or false, and its sides have values."""
    said = "value() got a comparison, which is true or false: ask for the value of its sides and compare those."
    assert apart.call(_compared, adapter) == [said, said]
