"""Hints that fit a model, and hints that are refused: those of other models, and values that no variable can have."""

from importlib import import_module
from typing import Any

import pytest

from nbqueue.client.submission import draft_one
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings
from nbqueue.solvers import libraries
from nbqueue.solvers.variables import allows, words
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart

every = pytest.mark.parametrize("adapter", ADAPTERS, ids=str, scope="module")
OTHER = (
    'The Solution that is to be a hint is of another model: its variables are called "of_1", "of_5", "of_10", ..., and '
    'those of this model "x0", "x1", "x2", ....'
)


def _said(adapter: Adapter, model: Any, hint: Any) -> str:
    """What is said of a hint where a job is submitted."""
    try:
        draft_one(Settings(), import_module(adapter.module).solve, (model,), {**adapter.options, "hint": hint}, {})
    except ConfigurationError as error:
        return str(error)
    return ""


def _hinted(adapter: Adapter, hint: Any) -> str:
    return _said(adapter, adapter.model("knapsack")[0], hint)


def _hinted_by(adapter: Adapter, name: str) -> tuple[str, str]:
    """By the solution of a model of the suite: what submit says, and what `hint_into` does."""
    found, model = adapter.solve(adapter.model(name)[0]), adapter.model("knapsack")[0]
    try:
        found.hint_into(model)
    except (ConfigurationError, TypeError) as error:
        return _said(adapter, model, found), str(error)
    return _said(adapter, model, found), ""


@every
def test_a_solution_of_another_model_is_no_hint(adapter: Adapter, apart: Apart) -> None:
    """Not where it shares no name with this one; nobody would see that it does nothing."""
    assert apart.call(_hinted_by, adapter, "coins") == (OTHER, OTHER)
    assert apart.call(_hinted_by, adapter, "knapsack")[0] == ""


@every
def test_a_value_that_a_variable_cannot_have_is_refused(adapter: Adapter, apart: Apart) -> None:
    """By name or in order; what a solver may give for a whole number is near enough."""
    said = "hint gives {} the value {}, which it cannot have: give 0 to 1."
    assert apart.call(_hinted, adapter, {"x1": 5}) == said.format("x1", 5)
    assert apart.call(_hinted, adapter, [0, 0, 0, 0, -1, 0, 0, 0]) == said.format("x4", -1)
    assert apart.call(_hinted, adapter, {"x1": float("nan")}) == "hint gives x1 the value nan: give numbers."
    assert apart.call(_hinted, adapter, {"x1": 1.0000001, 2: True}) == ""


def _by_variables(adapter: Adapter) -> list[str]:
    (model, own), (_, others) = adapter.model("knapsack"), adapter.model("coins")
    return [_said(adapter, model, {each: 1}) for each in (own[1], others[1])]


@pytest.mark.parametrize("adapter", [each for each in ADAPTERS if each.name != "scip"], ids=str, scope="module")
def test_a_variable_of_another_model_is_refused(adapter: Adapter, apart: Apart) -> None:
    """As `value` refuses it, as far as its name tells."""
    assert apart.call(_by_variables, adapter) == [
        "",
        'hint has the variable "of_5", which is not of this model: at its place 1 that has the variable "x1".',
    ]


def _holes() -> tuple[str, str]:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    model.new_int_var_from_domain(cp_model.Domain.from_values([1, 2, 7]), "a")
    model.new_int_var(0, 9, "")
    cpsat = ADAPTERS[0]
    return _said(cpsat, model, {0: 5}), _said(cpsat, model, {1: 10})


def test_a_domain_of_cp_sat_may_have_holes(families: dict[str, Apart]) -> None:
    """What is between its parts is refused; a variable without a name is told by its place."""
    assert families["ortools"].call(_holes) == (
        "hint gives a the value 5, which it cannot have: give 1 to 2 or 7.",
        "hint gives variable 1 the value 10, which it cannot have: give 0 to 9.",
    )


def _semi_continuous() -> list[str]:
    import highspy

    model = highspy.Highs()
    model.silent()
    model.addVariable(lb=2, ub=5, type=highspy.HighsVarType.kSemiContinuous, name="s")
    [highs] = [each for each in ADAPTERS if each.name == "highs"]
    return [_said(highs, model, {"s": value}) for value in (0, 3, 1)]


def test_a_semi_continuous_variable_may_be_nothing(families: dict[str, Apart]) -> None:
    """In HiGHS such a one is 0 or within its bounds."""
    said = "hint gives s the value 1, which it cannot have: give 0 or 2 to 5."
    assert families["highspy"].call(_semi_continuous) == ["", "", said]


def test_an_older_or_smaller_model_hints_what_it_shares() -> None:
    """By names; by places too where the model begins as that one did, with or without names."""
    assert libraries.matched([1, 2, 3], ["a", "b", "c"], ["c", "new", "a"]) == [(0, 3), (2, 1)]
    assert libraries.matched([1, 2], ["", ""], ["", "", "new"]) == [(0, 1), (1, 2)]
    assert libraries.matched([], [], ["a"]) == []


def test_spans_are_told_in_words() -> None:
    """Some of them, and those without an end as well."""
    endless = float("inf")
    assert [words([each]) for each in ((0, 4), (3, 3), (2, endless), (-endless, 2))] == [
        "0 to 4", "3", "at least 2", "at most 2",
    ]  # fmt: skip
    assert words([(each, each) for each in range(5)]) == "0 or 1 or 2 or others"
    assert allows([(-endless, endless)], 1e30)
