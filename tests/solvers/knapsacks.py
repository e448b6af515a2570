"""One knapsack, said to five libraries; each function is what a user writes, and runs as a job."""

import random
from importlib import import_module
from typing import Any

#: 50 items, 5 limits; the optimum was proven by HiGHS, SCIP and CBC, and is that of the recorded logs
OPTIMUM = 1841
ITEMS = 50
LIMITS = 5


def weights_and_values(items: int = ITEMS, limits: int = LIMITS, seed: int = 2) -> tuple[list[list[int]], list[int]]:
    """Weights (a row for each limit) and values of items."""
    chance = random.Random(seed)
    weights = [[chance.randint(5, 100) for _ in range(items)] for _ in range(limits)]
    values = [sum(row[item] for row in weights) // limits + chance.randint(1, 30) for item in range(items)]
    return weights, values


def by_scipy(items: int = ITEMS, time_limit: float = 30.0) -> tuple[int, float]:
    """Status and value."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    weights, values = weights_and_values(items)
    rows = LinearConstraint(np.array(weights), ub=[sum(row) // 2 for row in weights])
    found = milp(
        -np.array(values), constraints=rows, bounds=Bounds(0, 1), integrality=np.ones(items),
        options={"disp": True, "time_limit": time_limit},
    )  # fmt: skip
    return int(found.status), float(-found.fun)


def by_pulp(items: int = ITEMS, limits: int = LIMITS, seed: int = 2) -> float:
    """The value that CBC finds, which PuLP 3 brings."""
    import pulp

    weights, values = weights_and_values(items, limits, seed)
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    taken = [problem.add_variable(f"x{item}", cat="Binary") for item in range(items)]
    problem += pulp.lpDot(values, taken)
    for row in weights:
        problem += pulp.lpDot(row, taken) <= sum(row) // 2
    problem.solve(pulp.PULP_CBC_CMD())
    return float(pulp.value(problem.objective))


def by_pyomo() -> float:
    """The value that HiGHS finds for Pyomo."""
    import pyomo.environ as pyo

    weights, values = weights_and_values()
    model: Any = pyo.ConcreteModel()
    model.taken = pyo.Var(range(ITEMS), domain=pyo.Binary)
    model.limits = pyo.ConstraintList()
    for row in weights:
        model.limits.add(sum(row[item] * model.taken[item] for item in range(ITEMS)) <= sum(row) // 2)
    model.value = pyo.Objective(expr=sum(values[item] * model.taken[item] for item in range(ITEMS)), sense=pyo.maximize)
    pyo.SolverFactory("appsi_highs").solve(model, tee=True)
    return float(pyo.value(model.value))


def by_cvxpy(solver: str = "HIGHS") -> float:
    """The value that a solver finds for CVXPY."""
    import numpy as np

    # its types are meant for its own code
    cvxpy: Any = import_module("cvxpy")
    weights, values = weights_and_values()
    taken = cvxpy.Variable(ITEMS, boolean=True)
    limits = np.array([sum(row) // 2 for row in weights])
    problem = cvxpy.Problem(cvxpy.Maximize(np.array(values) @ taken), [np.array(weights) @ taken <= limits])
    problem.solve(solver=solver, verbose=True)
    return float(problem.value)


def route(time_limit: float, clients: int = 20) -> tuple[bool, int]:
    """Whether PyVRP found a plan, and its length; it hands back its best when the job is to stop."""
    import pyvrp
    from pyvrp.stop import MaxRuntime

    from nbqueue import solvers

    chance = random.Random(4)
    model = pyvrp.Model()
    places = [model.add_location(chance.randint(0, 999), chance.randint(0, 999)) for _ in range(clients + 1)]
    model.add_depot(places[0])
    model.add_vehicle_type(4, capacity=60)
    for place in places[1:]:
        model.add_client(place, delivery=[8])
    for one in places:
        for other in places:
            model.add_edge(one, other, distance=int(abs(one.x - other.x) + abs(one.y - other.y)))
    found = model.solve(stop=solvers.stopping(MaxRuntime(time_limit)), seed=1, display=False)
    return found.is_feasible(), int(found.cost())


def as_lp(items: int = ITEMS, limits: int = LIMITS, seed: int = 2) -> str:
    """The knapsack in the LP format."""
    weights, values = weights_and_values(items, limits, seed)

    def terms(factors: list[int]) -> str:
        return " + ".join(f"{factor} x{item}" for item, factor in enumerate(factors))

    rows = "\n".join(f" c{number}: {terms(row)} <= {sum(row) // 2}" for number, row in enumerate(weights))
    taken = "\n".join(f" x{item}" for item in range(items))
    return f"Maximize\n obj: {terms(values)}\nSubject To\n{rows}\nBinary\n{taken}\nEnd\n"
