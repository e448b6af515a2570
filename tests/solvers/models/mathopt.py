"""The suite's models for MathOpt."""

from typing import Any

from ortools.math_opt.python import mathopt

from tests.solvers import instances


def knapsack() -> tuple[Any, list[Any]]:
    """To be maximized: BEST."""
    model = mathopt.Model()
    taken = [model.add_binary_variable(name=f"x{index}") for index in range(len(instances.SIZES))]
    model.add_linear_constraint(sum(size * x for size, x in zip(instances.SIZES, taken, strict=True)) <= instances.ROOM)
    model.maximize(sum(value * x for value, x in zip(instances.VALUES, taken, strict=True)))
    return model, taken


def coins() -> tuple[Any, list[Any]]:
    """To be minimized: FEWEST."""
    model = mathopt.Model()
    counts = [model.add_integer_variable(lb=0, ub=instances.AMOUNT, name=f"of_{coin}") for coin in instances.COINS]
    model.add_linear_constraint(
        sum(coin * count for coin, count in zip(instances.COINS, counts, strict=True)) == instances.AMOUNT
    )
    model.minimize(sum(counts))
    return model, counts


def caps() -> tuple[Any, list[Any]]:
    """To be maximized: LARGEST_CAP, which takes minutes to prove."""
    model = mathopt.Model()
    chosen = [model.add_binary_variable(name=f"p{index}") for index in range(3**instances.DIMENSION)]
    for line in instances.lines():
        model.add_linear_constraint(sum(chosen[place] for place in line) <= 2)
    model.maximize(sum(chosen))
    return model, chosen


def infeasible() -> tuple[Any, list[Any]]:
    """Without a solution."""
    model = mathopt.Model()
    x = model.add_integer_variable(lb=0, ub=3, name="x")
    model.add_linear_constraint(2 * x == 7)
    return model, [x]


def unbounded() -> tuple[Any, list[Any]]:
    """Without a best solution."""
    model = mathopt.Model()
    x = model.add_variable(lb=0, name="x")
    model.maximize(x)
    return model, [x]
