"""How models of OR-Tools travel: all that belongs to one belongs to one again."""

from typing import Any

import pytest

from nbqueue.broker import codec, digest
from tests.solvers.apart import Apart


@pytest.fixture(scope="module")
def ortools(families: dict[str, Apart]) -> Apart:
    """A process with OR-Tools."""
    return families["ortools"]


def _there_and_back(value: Any) -> Any:
    return codec.load_value(codec.dump_value(value))


def _cpsat_parts() -> dict[str, Any]:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x, y = model.new_int_var(0, 10, "x"), model.new_bool_var("y")
    interval = model.new_fixed_size_interval_var(x, 3, "i")
    model.add(x >= 2)
    model.minimize(x)
    parts = {
        "model": model, "x": x, "same": [x], "not": ~y, "affine": 2 * x + 1, "sum": 2 * x + y + 7, "float": 2.5 * x + y,
        "interval": interval, "bounded": x + y <= 3, "domain": cp_model.Domain(0, 3), "status": cp_model.OPTIMAL,
    }  # fmt: skip
    found = _there_and_back(parts)
    solver = cp_model.CpSolver()
    status = solver.solve(found["model"])
    return {
        "one proto": all(found[name].model_proto is found["model"].proto for name in ("x", "interval")),
        "one variable": found["x"] is found["same"][0],
        "the same text": str(found["model"].proto) == str(model.proto),
        "shown": [str(found[name]) for name in ("x", "not", "interval", "bounded", "domain")],
        "solved": (status == found["status"], [solver.value(found[name]) for name in ("x", "affine", "sum")]),
        "grows": str(found["model"].add(found["x"] >= 4).proto) != "" and solver.solve(found["model"]) == status,
        "later": solver.value(found["x"]),
    }


def test_parts_of_a_cp_model_refer_to_one_model(ortools: Apart) -> None:
    """Variables, expressions and intervals that travel with a model are its own: it can be solved and added to."""
    assert ortools.call(_cpsat_parts) == {
        "one proto": True, "one variable": True, "the same text": True,
        "shown": ["x", "not(y)", "i", "(x + y) <= 3", "[0,3]"],
        "solved": (True, [2, 5, 11]), "grows": True, "later": 4,
    }  # fmt: skip


def _subclass() -> tuple[str, int, list[str]]:
    from ortools.sat.python import cp_model

    class Rota(cp_model.CpModel):
        def __init__(self, people: int) -> None:
            super().__init__()
            self.people = people
            self.days = [self.new_bool_var(f"day{index}") for index in range(people)]

    found = _there_and_back(Rota(3))
    return type(found).__name__, found.people, [day.name for day in found.days]


def test_a_model_of_a_class_of_one_s_own_keeps_its_attributes(ortools: Apart) -> None:
    """A class of the notebook, with what it has put into the model."""
    assert ortools.call(_subclass) == ("Rota", 3, ["day0", "day1", "day2"])


def _mathopt_parts() -> tuple[bool, float, float]:
    from ortools.math_opt.python import mathopt

    from nbqueue.solvers import mathopt as adapter

    model = mathopt.Model(name="m")
    x = model.add_integer_variable(lb=0, ub=4, name="x")
    model.maximize(3 * x)
    found, variable, twice = _there_and_back((model, x, 2 * x + 1))
    answer = adapter.solve(found)
    return variable.elemental is found.objective.elemental, answer.value(variable), answer.value(twice)


def test_parts_of_a_mathopt_model_refer_to_one_model(ortools: Apart) -> None:
    """Variables and expressions read the answer of the model that they travelled with."""
    assert ortools.call(_mathopt_parts) == (True, 4.0, 9.0)


def _digests() -> list[bool]:
    from tests.solvers.models import cpsat, mathopt

    def made(build: Any, least: int) -> str:
        model, variables = build()
        if hasattr(model, "add"):
            model.add(variables[0] >= least)

        def uses() -> Any:
            return model, variables

        return digest.call_digest(uses, [model, variables], {})

    same = made(cpsat.knapsack, 0)
    return [
        same == made(cpsat.knapsack, 0), same == made(cpsat.knapsack, 1),
        made(mathopt.knapsack, 0) == made(mathopt.knapsack, 0), made(mathopt.knapsack, 0) == made(mathopt.coins, 0),
    ]  # fmt: skip


def test_calls_with_equal_models_are_the_same_call(ortools: Apart) -> None:
    """Built twice a model is the same for `unique` and `cache`; with another constraint it is another one."""
    assert ortools.call(_digests) == [True, False, True, False]
