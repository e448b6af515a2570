"""Classes of the notebook above those of a solver's library, made by pybind11, arrive in another process."""

import subprocess
import sys

import pytest

SENT = {
    "ortools": """
from ortools.sat.python import cp_model
class Shop(cp_model.CpModel):
    def __init__(self, most):
        super().__init__()
        self.most, self.x = most, self.new_int_var(0, most, "x")
class LargerShop(Shop):
    pass
class Count(cp_model.CpSolverSolutionCallback):
    def __init__(self):
        super().__init__()
        self.seen = 0
    def on_solution_callback(self):
        self.seen += 1
def solved(shop):
    solver, count = cp_model.CpSolver(), Count()
    shop.maximize(shop.x)
    solver.solve(shop, count)
    return type(shop).__name__, shop.most, solver.value(shop.x), count.seen > 0
sent = solved, LargerShop(7)
""",
    "highspy": """
import highspy
class Plan(highspy.Highs):
    def __init__(self, most):
        super().__init__()
        self.silent()
        self.most, self.x = most, self.addVariable(ub=most)
def solved(plan):
    plan.maximize(1 * plan.x)
    other = Plan(3)
    return type(plan).__name__, plan.most, round(plan.val(plan.x)), other.most == 3
sent = solved, Plan(7)
""",
}
AWAY = """
import io, sys
from nbqueue.broker.travel import TravelPickler
file = io.BytesIO()
TravelPickler(file).dump(sent)
sys.stdout.buffer.write(file.getvalue())
"""
ARRIVED = """
import pickle, sys
solved, model = pickle.load(sys.stdin.buffer)
print(*solved(model))
"""


@pytest.mark.parametrize(("library", "name"), [("ortools", "LargerShop"), ("highspy", "Plan")])
def test_a_class_above_one_of_a_solver_s_library_travels(library: str, name: str) -> None:
    """Its own metaclass is the one that the library has there."""
    pytest.importorskip(library)
    sent = subprocess.run([sys.executable, "-c", SENT[library] + AWAY], capture_output=True, timeout=60, check=True)
    command = [sys.executable, "-c", ARRIVED]
    ran = subprocess.run(command, input=sent.stdout, capture_output=True, timeout=60, check=False)
    assert ran.stdout.decode().split() == [name, "7", "7", "True"], ran.stderr.decode()
