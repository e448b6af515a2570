"""How a search ends: what it says of a proof within a gap, and what it leaves behind in its job."""

import gc
import math
import time
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.inside.stopping import StopState
from nbqueue.model.durations import Duration
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status
from nbqueue.solvers.stops import Attendant
from tests.solvers.test_search import Sink, job, within
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("bound", "facts"),
    [(100.0000002, (Status.OPTIMAL, None)), (100.5, (Status.FEASIBLE, "gap"))],
)
def test_a_proof_is_one_as_far_as_solvers_are_exact(bound: float, facts: tuple[Status, str | None]) -> None:
    """With a gap that is small enough, only one that is nearly nothing is a proof."""
    search = Search("s", maximize=True, limits=Limits(gap=0.01))
    found = search.solution(Status.OPTIMAL, objective=100.0, bound=bound, vector=[1])
    assert (found.status, found.stopped_by) == facts


def test_a_search_that_has_ended_is_forgotten() -> None:
    """Its job, which may solve again and again, does not keep it to tell it of a stop."""
    context = job(Sink())

    def act() -> None:
        for _ in range(5):
            Search("the one that is counted").run(lambda: None)

    within(context, act)
    gc.collect()
    assert not context.stop.has_listeners
    assert not [each for each in gc.get_objects() if type(each) is Search and each._solver == "the one that is counted"]


def test_who_has_taken_back_hears_nothing() -> None:
    """The others still do; to take back twice does no harm."""
    heard: list[str] = []
    stop = StopState()

    def one() -> None:
        heard.append("one")

    stop.listen(one)
    stop.listen(lambda: heard.append("other"))
    stop.unlisten(one)
    stop.unlisten(one)
    stop.ask("cancel")()
    assert heard == ["other"]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("5 min", 300.0), (timedelta(minutes=2), 120.0), (3, 3), (math.inf, math.inf), (None, None)],
    ids=str,
)
def test_limits_are_lengths_of_time(given: Duration | None, seconds: float | None) -> None:
    """Seconds, a timedelta or text; a number without end is no limit."""
    limits = Limits.of({"time_limit": given, "total_limit": given, "gap": 0.1}, own_limit=7.0)
    assert limits == Limits(time_limit=seconds, total_limit=seconds, gap=0.1, own_limit=7.0)


@pytest.mark.parametrize("wrong", ["0 s", timedelta(0), -1, math.nan, True, [3]], ids=str)
def test_a_limit_that_is_none_is_refused(wrong: Any) -> None:
    """In whatever words."""
    with pytest.raises(ConfigurationError, match=r"total_limit=.* cannot be used: give seconds above 0, or text such"):
        Limits.of({"total_limit": wrong})


def test_the_answer_of_a_search_is_ready_for_code_that_is_killed_afterwards() -> None:
    """The last one that has found something; what it was proven to be is said, not what it was thought on its way."""
    sink = Sink()

    def act() -> list[Solution]:
        first = Search("s", maximize=True, model=lambda: "a")
        first.run(lambda: first.found(5, 9, [5]))
        answers = [first.solution(Status.OPTIMAL, objective=7, bound=7, vector=[7])]
        silent = Search("s", maximize=True, model=lambda: "b")
        silent.run(lambda: None)
        answers.append(silent.solution(Status.OPTIMAL, objective=3, bound=3, vector=[3]))
        nothing = Search("s", model=lambda: "c")
        nothing.run(lambda: None)
        answers.append(nothing.solution(Status.INFEASIBLE))
        return answers

    first, second, third = within(job(sink), act)
    on_its_way, *answers = sink.partials
    assert (on_its_way.status, on_its_way.objective, on_its_way.stopped_by) == (Status.FEASIBLE, 5, "kill")
    assert answers == [first, second]
    assert (first.status, first.objective, first.stopped_by) == (Status.OPTIMAL, 7, None)
    assert not third


def test_the_user_s_own_answer_stays_before_that_of_a_search() -> None:
    """What came from the user's code is not replaced when a search ends."""
    sink = Sink()
    context = job(sink)
    mine = Solution(solver="mine", status=Status.FEASIBLE)
    context.hand_back(mine)
    within(context, lambda: Search("s").solution(Status.OPTIMAL, objective=7, bound=7, vector=[7]))
    assert sink.partials == [mine]


def test_what_takes_long_to_keep_is_kept_less_often() -> None:
    """A tenth of the time at most goes into it, until the search is stopped."""
    kept: list[tuple[float, float]] = []

    def keep() -> None:
        began = monotonic()
        time.sleep(0.1)
        kept.append((began, monotonic()))

    attendant = Attendant(None, keep)
    attendant.begin(None, lambda: None)

    def again() -> bool:
        attendant.note()
        return len(kept) > 1

    wait_until(again)
    attendant._due_at = monotonic() + 1_000
    attendant.note()
    attendant.stop()
    wait_until(lambda: len(kept) > 2)
    attendant.close()
    (began, ended), (next_, _), *_ = kept
    assert next_ - ended >= min(9 * (ended - began), 9.0)
