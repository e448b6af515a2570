"""Models of HiGHS and SCIP on their way to a job and back."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.source import ROOT

TRAVEL = {
    "highs": """
import highspy
from nbqueue.solvers import highs
model = highspy.Highs()
model.silent()
model.setOptionValue("mip_heuristic_effort", 0.2)
array = model.addVariables(2, ub=1)
x, y, z = model.addVariable(ub=5, name="x"), model.addIntegral(ub=9, name="y"), model.addBinary(name="z")
model.addConstr(x + y <= 7 + 1 / 3)
model.addConstr(x - 2 * z >= 0)
expression = 2 * x + 3 * y - z + 4
model.setObjective(expression, highspy.ObjSense.kMaximize)
solve, variables, extra = highs.solve, (x, y, z), ([array, expression, x + y <= 7], model.getModel(), model.getLp())
facts = lambda model: (model.getOptionValue("mip_heuristic_effort"), model.getOptionValue("output_flag"))
def own(other, others, rest):
    print([rest[0][0].sum().idxs, rest[0][1].vals, rest[0][2].bounds])
    print(all(each.highs.getLp.__self__ is other for each in others), [solve(each).objective for each in rest[1:]])
""",
    "scip": """
import pyscipopt
from nbqueue.solvers import scip
model = pyscipopt.Model()
model.hideOutput()
model.setParam("limits/nodes", 500)
x, y, z = model.addVar("x", ub=5), model.addVar("y", vtype="I", ub=9), model.addVar("z", vtype="B")
model.addCons(x + y <= 7 + 1 / 3)
model.addCons(x - 2 * z >= 0)
expression = 2 * x + 3 * y - z + 4
model.setObjective(expression, "maximize")
solve, variables, extra = scip.solve, (x, y, z), ([None, expression, x * y + y <= 7],)
facts = lambda model: model.getParam("limits/nodes")
def own(other, others, rest):
    print(len(rest[0][1].terms), rest[0][2].expr.degree(), rest[0][2]._rhs)
    other.addCons(others[1] <= 5)
    other.addCons(rest[0][1] >= 1)
    found = solve(other)
    print(round(found.value(others[1])), round(found.value(rest[0][1]), 9))
""",
}
THERE_AND_BACK = """
import io, pickle
from nbqueue.broker.travel import TravelPickler
file = io.BytesIO()
TravelPickler(file).dump((model, variables, extra))
other, others, rest = pickle.loads(file.getvalue())
here, there = solve(model), solve(other)
again = solve(model)
print(here.status, *(round(each.objective, 9) for each in (here, there, again)))
print(facts(other) == facts(model), here.value(expression) == here.objective, round(here.value(x), 9), here.value("y"))
own(other, others, rest)
solve(model, hint={"x": 0.0}).hint_into(model)
print(solve(model).status)
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the reducers of pyproject.toml are installed."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    folder = tmp_path / "reducers-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: reducers\nVersion: 1\n", encoding="utf-8")
    rows = [f"{name} = {value}" for name, value in points["nbqueue.reducers"].items()]
    (folder / "entry_points.txt").write_text("\n".join(["[nbqueue.reducers]", *rows]), encoding="utf-8")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


@pytest.mark.parametrize("name", ["highs", "scip"])
def test_models_travel_and_stay_as_they_are(name: str, installed: dict[str, str]) -> None:
    """A model with its options arrives as it was; values are asked for by one's own expressions; it is solved again."""
    script = TRAVEL[name] + THERE_AND_BACK
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=installed)
    own = {
        "highs": ["[[0, 1], [2.0, 3.0, -1.0], (-inf, 7.0)]", "True [25.666666666666664, 25.666666666666664]"],
        "scip": ["4 2 7.0", "5 23.666666667"],
    }[name]
    assert ran.stdout.splitlines() == [
        "optimal 25.666666667 25.666666667 25.666666667", "True True 0.333333333 7.0", *own, "optimal",
    ], ran.stderr  # fmt: skip


OWN = {
    "highs": """
import highspy
from nbqueue.solvers import highs
class Plan(highspy.Highs):
    def __init__(self, ceiling):
        super().__init__()
        self.silent()
        self.ceiling, self.x = ceiling, self.addIntegral(ub=ceiling, name="x")
        self.setObjective(1.0 * self.x, highspy.ObjSense.kMaximize)
model = Plan(7)
own = lambda model: (type(model).__name__, model.ceiling, model.x.highs.getLp.__self__ is model, model.x)
solve = highs.solve
""",
    "scip": """
import pyscipopt
from nbqueue.solvers import scip
model = pyscipopt.Model()
x = model.addVar("x", ub=7, obj=-1)
model.data = x, {"limit": 7}, model
own = lambda model: ("Model", model.data[1]["limit"], model.data[2] is model, model.data[0])
solve = scip.solve
""",
}
OWN_THERE = """
import io, pickle
from nbqueue.broker.travel import TravelPickler
file = io.BytesIO()
TravelPickler(file).dump(model)
other = pickle.loads(file.getvalue())
*facts, x = own(other)
print(*facts, round(solve(other).value(x)), other is not model)
"""


@pytest.mark.parametrize("name", ["highs", "scip"])
def test_what_is_kept_with_a_model_goes_with_it(name: str, installed: dict[str, str]) -> None:
    """Attributes of a Highs, also of a class that takes arguments, and `data` of a Model; variables are its own."""
    command = [sys.executable, "-c", OWN[name] + OWN_THERE]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=installed)
    kind = {"highs": "Plan", "scip": "Model"}[name]
    assert ran.stdout.splitlines() == [f"{kind} 7 True 7 True"], ran.stderr


SOLVED_AGAIN = """
import gc, weakref
import pyscipopt
from nbqueue.solvers import scip
from tests.solvers.models import scip as models
model, _ = models.knapsack()
found = scip.solve(model)
handlers = lambda: sum(isinstance(each, pyscipopt.Eventhdlr) for each in gc.get_objects())
first = handlers()
print(model.getNSols(), model.getStatus())
again = scip.solve(model, hint=found)
print(model.getNSols(), first, handlers())
print(scip.solve(model).trace[0].objective == found.trace[0].objective, again.objective == found.objective)
gone = weakref.ref(model)
del model, _
gc.collect()
print(gone())
"""


def test_a_model_of_scip_is_afterwards_as_it_was_before(installed: dict[str, str]) -> None:
    """Not solved, without solutions to start from or more plugins at each search; and it can be forgotten."""
    command = [sys.executable, "-c", SOLVED_AGAIN]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=installed)
    assert ran.stdout.splitlines() == ["0 unknown", "0 1 1", "True True", "None"], ran.stderr
