"""The suite's models for SCIP."""

from typing import Any

import pyscipopt

from tests.solvers import instances


def _model() -> Any:
    model = pyscipopt.Model()
    model.hideOutput()
    return model


def knapsack() -> tuple[Any, list[Any]]:
    """To be maximized: BEST."""
    model = _model()
    taken = [model.addVar(f"x{index}", vtype="B") for index in range(len(instances.SIZES))]
    model.addCons(sum(size * x for size, x in zip(instances.SIZES, taken, strict=True)) <= instances.ROOM)
    model.setObjective(sum(value * x for value, x in zip(instances.VALUES, taken, strict=True)), "maximize")
    return model, taken


def coins() -> tuple[Any, list[Any]]:
    """To be minimized: FEWEST."""
    model = _model()
    counts = [model.addVar(f"of_{coin}", vtype="I", lb=0, ub=instances.AMOUNT) for coin in instances.COINS]
    model.addCons(sum(coin * count for coin, count in zip(instances.COINS, counts, strict=True)) == instances.AMOUNT)
    model.setObjective(sum(counts), "minimize")
    return model, counts


def caps() -> tuple[Any, list[Any]]:
    """To be maximized: LARGEST_CAP, which takes minutes to prove."""
    model = _model()
    chosen = [model.addVar(f"p{index}", vtype="B") for index in range(3**instances.DIMENSION)]
    for line in instances.lines():
        model.addCons(pyscipopt.quicksum(chosen[place] for place in line) <= 2)
    model.setObjective(pyscipopt.quicksum(chosen), "maximize")
    return model, chosen


def infeasible() -> tuple[Any, list[Any]]:
    """Without a solution."""
    model = _model()
    x = model.addVar("x", vtype="I", lb=0, ub=3)
    model.addCons(2 * x == 7)
    return model, [x]


def unbounded() -> tuple[Any, list[Any]]:
    """Without a best solution."""
    model = _model()
    x = model.addVar("x", lb=0)
    model.setObjective(x, "maximize")
    return model, [x]
