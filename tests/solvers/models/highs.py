"""The suite's models for HiGHS."""

from typing import Any

import highspy

from tests.solvers import instances


def _model() -> Any:
    model = highspy.Highs()
    model.silent()
    return model


def knapsack() -> tuple[Any, list[Any]]:
    """To be maximized: BEST."""
    model = _model()
    taken = [model.addBinary(name=f"x{index}") for index in range(len(instances.SIZES))]
    model.addConstr(sum(size * x for size, x in zip(instances.SIZES, taken, strict=True)) <= instances.ROOM)
    worth = sum(value * x for value, x in zip(instances.VALUES, taken, strict=True))
    model.setObjective(worth, highspy.ObjSense.kMaximize)
    return model, taken


def coins() -> tuple[Any, list[Any]]:
    """To be minimized: FEWEST."""
    model = _model()
    counts = [model.addIntegral(lb=0, ub=instances.AMOUNT, name=f"of_{coin}") for coin in instances.COINS]
    model.addConstr(sum(coin * count for coin, count in zip(instances.COINS, counts, strict=True)) == instances.AMOUNT)
    model.setObjective(sum(counts), highspy.ObjSense.kMinimize)
    return model, counts


def caps() -> tuple[Any, list[Any]]:
    """To be maximized: LARGEST_CAP, which takes minutes to prove."""
    model = _model()
    chosen = [model.addBinary(name=f"p{index}") for index in range(3**instances.DIMENSION)]
    for line in instances.lines():
        model.addConstr(sum(chosen[place] for place in line) <= 2)
    model.setObjective(sum(chosen), highspy.ObjSense.kMaximize)
    return model, chosen


def infeasible() -> tuple[Any, list[Any]]:
    """Without a solution."""
    model = _model()
    x = model.addIntegral(lb=0, ub=3, name="x")
    model.addConstr(2 * x == 7)
    return model, [x]


def unbounded() -> tuple[Any, list[Any]]:
    """Without a best solution."""
    model = _model()
    x = model.addVariable(lb=0, name="x")
    model.setObjective(1.0 * x, highspy.ObjSense.kMaximize)
    return model, [x]
