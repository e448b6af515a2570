"""Where a search stands, without any solver: objectives, bounds, gaps, traces."""

from itertools import count

import pytest

from nbqueue.solvers.numbers import gap
from nbqueue.solvers.standing import Incumbent, Standing
from nbqueue.solvers.trace import Row, Trace


def standing(*, maximize: bool = False) -> Standing:
    """With a clock that counts."""
    ticks = count()
    return Standing(lambda: float(next(ticks)), maximize=maximize)


@pytest.mark.parametrize(
    ("objective", "bound", "expected"),
    [(55, 55, 0.0), (100, 90, 0.1), (-100, -110, 0.1), (0, 0, 0.0), (0, 1, None), (None, 1, None), (1, None, None)],
)
def test_the_gap_is_relative_to_the_objective(
    objective: float | None, bound: float | None, expected: float | None
) -> None:
    """It is 0 where both are equal, and None where there is nothing to compare or to divide by."""
    assert gap(objective, bound) == expected


def test_only_better_solutions_and_tighter_bounds_count() -> None:
    """Where less is better objectives fall and bounds rise; each solution is counted."""
    found = standing()
    assert [found.found(9, 1, [9]), found.found(10, 2, [10]), found.found(8, 1, [8])] == [True, False, True]
    assert (found.objective, found.bound, found.vector, found.solutions) == (8, 2, (8,), 3)


def test_more_is_better_the_other_way_round() -> None:
    """Where more is better objectives rise and bounds fall."""
    found = standing(maximize=True)
    found.found(8, 20, [8])
    assert [found.found(9, 30, [9]), found.bounded(25), found.bounded(10)] == [True, False, True]
    assert (found.objective, found.bound, found.gap) == (9, 10, 1 / 9)


@pytest.mark.parametrize("nothing", [float("inf"), float("-inf"), float("nan"), 1e100, None])
def test_infinite_bounds_are_none(nothing: float | None) -> None:
    """What a solver says before it knows anything is not told."""
    found = standing()
    assert found.bounded(nothing) is False
    assert found.rows() == ()


def test_a_bound_that_a_solution_contradicts_is_dropped() -> None:
    """Some solvers say one while they begin: a solution is a fact, a bound a claim."""
    found = standing(maximize=True)
    found.bounded(0)
    found.found(7, 0, [7])
    assert (found.objective, found.bound) == (7, None)


def test_the_last_word_counts_what_no_callback_saw() -> None:
    """A better solution at the very end is one more; the same one again is not."""
    found = standing()
    found.found(9, 1, [9])
    found.settle(9, 1, [9])
    assert found.solutions == 1
    found.settle(7, 7, [7])
    assert (found.solutions, found.vector, found.gap) == (2, (7,), 0.0)


def test_an_attempt_goes_on_from_the_one_before() -> None:
    """Its first row says so, and what is worse changes nothing."""
    found = standing()
    found.resume(Incumbent(objective=7, bound=3, vector=(7,), elapsed_s=5, solutions=4))
    found.found(8, 2, [8])
    assert found.rows() == (
        Row(0.0, "resume", 7, 3, 4 / 7, 4, 1), Row(1.0, "solution", 7, 3, 4 / 7, 5, 1),
    )  # fmt: skip


def test_a_long_trace_keeps_its_ends() -> None:
    """The first half of the rows and the last ones are there, at most as many as were allowed."""
    trace = Trace(most=4)
    for index in range(10):
        trace.add(Row(float(index), "bound", None, index, None, 0, 1))
    assert [row.bound for row in trace.rows()] == [0, 1, 8, 9]
