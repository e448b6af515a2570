"""Names that answers and arguments have elsewhere: each leads to what is written here."""

import copy
import pickle
from typing import Any

import pytest

from nbqueue import solvers
from nbqueue.client.submission import draft_one
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings
from nbqueue.solvers import cpsat, highs, mathopt, scip
from nbqueue.solvers.familiar_names import OF_SOLUTION
from nbqueue.solvers.solution import Solution, Status

FOUND = Solution(solver="any", status=Status.OPTIMAL, names=("a", "b"), vector=(1, 2))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("objective_value", "A Solution has no 'objective_value': it is called solution.objective."),
        ("best_objective_bound", "A Solution has no 'best_objective_bound': it is called solution.bound."),
        ("x", "A Solution has no 'x': solution.values has them by name, solution.vector in the model's order."),
        ("nosuch", "'Solution' object has no attribute 'nosuch'"),
    ],
)
def test_a_solution_knows_names_of_other_libraries(name: str, said: str) -> None:
    """As an AttributeError, which knows its object and name."""
    with pytest.raises(AttributeError) as caught:
        getattr(FOUND, name)
    assert (str(caught.value), caught.value.name, caught.value.obj) == (said, name, FOUND)


def test_hints_are_for_what_a_solution_has_not() -> None:
    """And nothing else is disturbed by them."""
    assert [name for name in (*OF_SOLUTION, "__array__", "_repr_markdown_") if hasattr(FOUND, name)] == []
    assert [pickle.loads(pickle.dumps(FOUND)), copy.copy(FOUND), copy.deepcopy(FOUND)] == [FOUND] * 3


@pytest.mark.parametrize("solver", [cpsat, highs, mathopt, scip])
def test_a_call_of_the_function_itself_says_what_was_meant(solver: Any) -> None:
    """No library is needed for that, and there is no job whose option it may have been."""
    with pytest.raises(TypeError, match=r"argument 'timeout'\. It takes \(model, .*It is called time_limit= here\.$"):
        solver.solve(None, timeout=3)
    with pytest.raises(TypeError, match=r"^solve\(\) missing 1 required positional argument: 'model'$"):
        solver.solve(time_limit=3)
    with pytest.raises(TypeError, match=r"Options of the job are given as in nbqueue\.options\(timeout="):
        draft_one(Settings(), solver.solve, ("",), {"timeout": 3}, {})


def test_values_of_a_list_are_a_list() -> None:
    """Of whatever has a value, in lists of lists too."""
    assert FOUND.value(["b", (0, "a")]) == [2, [1, 1]]


def test_an_answer_cannot_be_submitted() -> None:
    """The function was called before its job was made."""
    with pytest.raises(ConfigurationError) as caught:
        draft_one(Settings(), FOUND, (), {}, {})  # type: ignore[arg-type]
    assert str(caught.value) == (
        "What was given, of type Solution, cannot be submitted: give a function and its arguments, as in submit(fn, 3) "
        "and not submit(fn(3)), or the name of a registered one."
    )


def test_a_criterion_is_a_function() -> None:
    """A number of seconds is none."""
    with pytest.raises(ConfigurationError, match=r"^stopping\(\) got 60, which is no criterion: give functions"):
        solvers.stopping(60)  # type: ignore[arg-type]
