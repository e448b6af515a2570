"""What a job hands back that is stopped and cannot hand back anything itself: the last answer that it had ready."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbqueue import checkpoint, report
from nbqueue.client.handle import Job
from nbqueue.client.submitter import options, submit
from nbqueue.errors import JobCancelled, JobTimeout
from nbqueue.inside.context import current
from nbqueue.model.settings import Settings
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status
from tests.waiting import wait_until
from tests.workers import Worker, running_worker


@pytest.fixture(scope="module", autouse=True)
def worker(module_settings: Settings) -> Iterator[Worker]:
    """A worker for all of these tests."""
    with running_worker(module_settings, "--slots", "2") as worker:
        yield worker


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


def hear_nothing() -> None:
    """Native code that never lets go of the interpreter, and never looks for signals."""
    report(begun=1)
    job = current()
    assert job is not None
    wait_until(lambda: not job.reports._ticking)  # the report is out: from here on nothing is
    sum(itertools.repeat(0))


def keep_and_hear_nothing(*, partial: bool) -> None:
    """Keep two values, and be stuck."""
    for best in (3, 5):
        checkpoint({"best": best}, partial=partial)
    hear_nothing()


def keep_and_sleep() -> None:
    """Keep an answer, and go on in plain Python."""
    checkpoint("an answer", partial=True)
    report(begun=1)
    time.sleep(60)


def come_late() -> str:
    """Hand something back, but not in time."""
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        return "late"
    return "never"


def solve_for_ever(own: str = "") -> Solution:
    """A search whose solver is deep in something and looks at no stop."""
    search = Search("deep", maximize=True, model=lambda: "a model", names=("x", "y"))
    if own:
        checkpoint(own, partial=True)

    def solve() -> None:
        for objective in (1.0, 2.0):
            search.found(objective, 9.0, [objective, 0.0])
        report(begun=1)
        threading.Event().wait()

    search.run(solve)
    return search.solution(Status.UNKNOWN)


def cancelled(job: Job[Any]) -> JobCancelled:
    """What a job is like that was cancelled once it had begun."""

    def begun() -> bool:
        return "begun" in job.info().wait(5).progress.metrics

    wait_until(begun, 20)
    job.cancel().wait(20)
    with pytest.raises(JobCancelled) as caught:
        job.wait(20)
    return caught.value


def test_what_a_killed_job_had_ready_is_its_answer() -> None:
    """The last checkpoint that was called partial is there; the error says that the process was killed, and when."""
    error = cancelled(submit(keep_and_hear_nothing, partial=True).wait(5))
    assert error.partial == {"best": 5}
    assert "was cancelled" in str(error)
    assert str(error).endswith(". Its process did not end then, and had to be killed after 2 s.")


def test_a_checkpoint_is_no_answer_by_itself() -> None:
    """It may be anything; the code says whether it is one."""
    error = cancelled(submit(keep_and_hear_nothing, partial=False).wait(5))
    assert error.partial is None
    assert "had to be killed after 2 s" in str(error)


def test_code_that_is_interrupted_has_the_answer_that_was_ready() -> None:
    """It need not catch anything, and nothing had to be killed."""
    error = cancelled(submit(keep_and_sleep).wait(5))
    assert (error.partial, "killed" in str(error)) == ("an answer", False)


def test_at_a_time_limit_it_is_the_same() -> None:
    """JobTimeout has it, and says both the limit and the kill."""
    job = options(timeout=1).submit(keep_and_hear_nothing, partial=True).wait(5)
    with pytest.raises(
        JobTimeout, match=r"ran into its time limit of 1 s\. .* had to be killed after 2 s more"
    ) as found:
        job.wait(20)
    assert found.value.partial == {"best": 5}


def test_what_comes_after_the_limit_is_not_lost() -> None:
    """A value that is handed back too late makes no success, but is there."""
    job = options(timeout=0.5).submit(come_late).wait(5)
    with pytest.raises(JobTimeout) as found:
        job.wait(20)
    assert (found.value.partial, "killed" in str(found.value)) == ("late", False)


def test_the_best_solution_of_a_killed_solver_is_handed_back() -> None:
    """A search that never looked up: its incumbent is a Solution, and says what ended it."""
    error = cancelled(submit(solve_for_ever).wait(5))
    found = error.partial
    assert (found.status, found.stopped_by, found.objective, found.bound, found.values) == (
        Status.FEASIBLE, "cancel", 2.0, 9.0, {"x": 2.0, "y": 0.0},
    )  # fmt: skip
    assert "had to be killed after 2 s" in str(error)


def solve_and_hear_nothing() -> None:
    """A search on its way finds 5, is proven optimal at 7, and then the function does something else for ever."""
    search = Search("deep", maximize=True, model=lambda: "a model", names=("x",))
    search.run(lambda: search.found(5.0, 9.0, [5.0]))
    search.solution(Status.OPTIMAL, objective=7.0, bound=7.0, vector=[7.0])
    hear_nothing()


def test_a_search_that_has_ended_is_handed_back_as_it_ended() -> None:
    """Where the function is killed after it, in code of its own."""
    found = cancelled(submit(solve_and_hear_nothing).wait(5)).partial
    assert (found.status, found.stopped_by, found.objective) == (Status.OPTIMAL, None, 7.0)


def test_an_answer_of_one_s_own_comes_before_a_solver_s() -> None:
    """What the user's code called its answer is that."""
    assert cancelled(submit(solve_for_ever, "mine").wait(5)).partial == "mine"
