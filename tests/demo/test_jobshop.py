"""The job shops of the demo: their data, the solver job, and the check of its schedules."""

from collections.abc import Iterator

import pytest

from nbqueue.demo import models
from nbqueue.demo.jobshop import Instance, check_schedule, instances, solve
from tests.solvers.apart import Apart, process_apart

TINY = Instance(name="tiny", optimum=5, reference="", durations=[[2, 1], [3, 2]], machines=[[0, 1], [0, 1]])


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    """A process for OR-Tools, which cannot be loaded beside every other library."""
    with process_apart() as found:
        yield found


def test_the_instances_are_whole() -> None:
    """Each job visits each machine once, and the optima are those of the literature."""
    found = instances()
    assert {instance.name: instance.optimum for instance in found} == {"ft06": 55, "la01": 666, "ft10": 930}
    for instance in found:
        machines = list(range(len(instance.machines[0])))
        assert all(sorted(row) == machines for row in instance.machines)
        assert [len(row) for row in instance.durations] == [len(machines)] * len(instance.machines)
        assert instance.reference


@pytest.mark.parametrize("name", ["ft06", "la01"])
def test_solve_proves_the_optimum(name: str, apart: Apart) -> None:
    """Outside of a queue the same function gives the known optimum, with a schedule that keeps all rules."""
    [instance] = [each for each in instances() if each.name == name]
    found = apart.call(solve, instance.durations, instance.machines)
    assert (found["status"], found["objective"], found["bound"]) == ("optimal", instance.optimum, instance.optimum)
    assert check_schedule(instance, found["starts"]) == instance.optimum


def test_a_schedule_is_measured() -> None:
    """The makespan is the end of the last operation."""
    assert check_schedule(TINY, [[0, 2], [2, 5]]) == 7


@pytest.mark.parametrize(
    ("starts", "fault"),
    [([[0, 1], [2, 5]], "before the one before it has ended"), ([[0, 2], [1, 4]], "machine 0 does two operations")],
)
def test_a_schedule_that_breaks_a_rule_is_refused(starts: list[list[int]], fault: str) -> None:
    """The order within a job and one operation at a time on a machine are both checked."""
    with pytest.raises(ValueError, match=fault):
        check_schedule(TINY, starts)


def test_a_model_is_scored_on_all_folds() -> None:
    """Cross-validation gives one accuracy a fold, and its mean is far from guessing."""
    pytest.importorskip("sklearn")
    found = models.evaluate("naive Bayes")
    assert (found["model"], found["folds"]) == ("naive Bayes", models.FOLDS)
    assert 0.7 < found["mean"] < 0.9
