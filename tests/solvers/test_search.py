"""A search without a solver: stops, limits, the answer's words, and what the next attempt finds."""

import os
import signal
import threading
import time
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import pytest

from nbqueue.inside.context import CURRENT, JobContext, JobInfo
from nbqueue.solvers import cores
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Solution, Status
from nbqueue.solvers.standing import Incumbent
from tests.waiting import SLACK, wait_until

T = TypeVar("T")


class Sink:
    """Takes what a job reports."""

    def __init__(self) -> None:
        self.checkpoints: list[bytes] = []
        self.partials: list[Solution] = []
        self.last: dict[str, object] = {}

    def progress(self, wire: dict[str, object]) -> None:
        """Keep the newest."""
        self.last = wire

    def log(self, text: str) -> None:
        """Nothing is logged here."""

    def checkpoint(self, data: bytes) -> None:
        """Keep all."""
        self.checkpoints.append(data)

    def partial(self, value: Solution) -> None:
        """Keep all."""
        self.partials.append(value)


class Ticker:
    """Sends at once what is reported."""

    def start(self, tick: Callable[[], bool]) -> None:
        """Until there is nothing."""
        while tick():
            pass


def job(sink: Sink, *, attempt: int = 1, checkpoint: bytes | None = None, timeout_s: float | None = None) -> JobContext:
    """A job's context, as its code sees it."""
    context = JobContext(
        lambda: JobInfo(id="j", attempt=attempt, timeout_s=timeout_s), sink, Ticker(), checkpoint=checkpoint
    )
    context.begin(timeout_s)
    return context


def within(context: JobContext, act: Callable[[], T]) -> T:
    """Act as the code of a job."""
    token = CURRENT.set(context)
    try:
        return act()
    finally:
        CURRENT.reset(token)


def search_for_ever(search: Search) -> Solution:
    """A solver that forgets each stop that comes within its first tenth of a second, and then ends at the next."""
    over = threading.Event()
    begun = monotonic()
    search.run(lambda: over.wait(20 * SLACK), lambda: over.set() if monotonic() > begun + 0.1 else None)
    assert over.is_set()
    return search.solution(Status.UNKNOWN)


def test_a_stop_is_asserted_until_the_solver_has_ended() -> None:
    """One that comes before the search is not lost."""
    context = job(Sink())
    context.stop.ask("cancel")
    found = within(context, lambda: search_for_ever(Search("s")))
    assert (found.status, found.stopped_by) == (Status.UNKNOWN, "cancel")


def test_a_search_ends_at_its_limit_though_its_solver_does_not() -> None:
    """The limit is one of the stops, and names itself."""
    assert search_for_ever(Search("s", limits=Limits(time_limit=0.05))).stopped_by == "time_limit"


def test_a_job_s_limit_is_a_limit_of_the_search() -> None:
    """It ends a little before, whatever the user allows."""
    context = job(Sink(), timeout_s=0.4)
    found = within(context, lambda: search_for_ever(Search("s", limits=Limits(time_limit=60))))
    assert found.stopped_by == "timeout"


def test_an_interrupt_outside_of_jobs_ends_with_the_best_so_far() -> None:
    """Ctrl-C stops the search, and raises nothing."""
    search = Search("s")
    search.found(3, 1, [3])
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    found = search_for_ever(search)
    timer.join()
    assert (found.status, found.objective, found.stopped_by) == (Status.FEASIBLE, 3, "interrupt")


def test_what_a_solver_raises_is_raised() -> None:
    """Also where it ran in another thread."""

    def fail() -> None:
        raise ZeroDivisionError("of the solver")

    with pytest.raises(ZeroDivisionError, match="of the solver"):
        Search("s").run(fail)


def test_metrics_are_fit_for_json_and_the_bar_is_what_is_closed_of_the_gap() -> None:
    """Bounds without end are left out; a gap of a quarter is a bar at 75 of 100."""
    sink = Sink()

    def act() -> Solution:
        search = Search("s")
        search.bounded(float("-inf"))
        search.found(100, float("-inf"), [1])
        assert sink.last["metrics"] == {"objective": 100, "solutions": 1}
        search.bounded(75)
        return search.solution(Status.FEASIBLE)

    within(job(sink), act)
    assert sink.last["metrics"] == {"objective": 100, "bound": 75, "gap": 0.25, "solutions": 1}
    assert (sink.last["done"], sink.last["total"]) == (75, 100)


def attempt(sink: Sink, number: int, checkpoint: bytes | None, models: list[str]) -> list[Incumbent | None]:
    """Search some models, one after another: what each had to start from."""
    starts: list[Incumbent | None] = []

    def act() -> None:
        for model in models:
            search = Search("s", model=lambda model=model: model)  # type: ignore[misc]
            starts.append(search.warm)
            search.run(lambda search=search: search.found(number, 0, [number]))  # type: ignore[misc]
            search.solution(Status.FEASIBLE)

    within(job(sink, attempt=number, checkpoint=checkpoint), act)
    return starts


def test_the_next_attempt_starts_where_this_one_was() -> None:
    """With the same model at the same place; another model, or the same one again, starts from nothing."""
    sink = Sink()
    assert attempt(sink, 1, None, ["a", "b"]) == [None, None]
    first, other, again = attempt(Sink(), 2, sink.checkpoints[-1], ["a", "c", "a"])
    assert first is not None
    assert (first.objective, first.vector, first.solutions) == (1, (1,), 1)
    assert (other, again) == (None, None)


def test_an_attempt_that_finds_less_gives_what_the_one_before_had() -> None:
    """A retry never ends worse."""
    sink = Sink()
    attempt(sink, 1, None, ["a"])

    def act() -> Solution:
        search = Search("s", model=lambda: "a")
        search.found(9, 0, [9])
        return search.solution(Status.FEASIBLE, objective=9, bound=0, vector=[9])

    found = within(job(Sink(), attempt=2, checkpoint=sink.checkpoints[-1]), act)
    assert (found.objective, found.vector, found.solutions, found.attempt) == (1, (1,), 2, 2)
    assert [row.event for row in found.trace] == ["resume", "solution"]


def test_many_solutions_are_few_checkpoints_and_the_last_is_among_them() -> None:
    """The first is kept at once, and what came last before the end."""
    sink = Sink()

    def act() -> Solution:
        search = Search("s", model=lambda: "a")

        def solve() -> None:
            for objective in range(1_000, 0, -1):
                search.found(objective, 0, [objective])
                if objective == 1_000:
                    wait_until(lambda: sink.checkpoints)

        search.run(solve)
        return search.solution(Status.FEASIBLE)

    within(job(sink), act)
    assert 2 <= len(sink.checkpoints) <= 4 * SLACK
    [start] = attempt(Sink(), 2, sink.checkpoints[-1], ["a"])
    assert start is not None
    assert (start.objective, start.solutions) == (1, 1_000)


def test_the_user_s_own_checkpoint_stays_the_user_s() -> None:
    """A search keeps its own beside it, and the user's code does not see that."""
    sink = Sink()
    context = job(sink)
    assert context.kept("nothing") == "nothing"
    context.keep({"row": 3})
    within(context, _found_one)
    assert context.kept(None) == {"row": 3}
    later = job(Sink(), attempt=2, checkpoint=sink.checkpoints[-1])
    assert later.kept(None) == {"row": 3}
    assert len(later.keeping.before) == 1


def test_a_search_s_checkpoint_is_none_of_the_user_s() -> None:
    """Where the user's code has kept nothing it finds nothing, then and in the next attempt."""
    sink = Sink()
    context = job(sink)
    within(context, _found_one)
    assert context.kept("nothing") == "nothing"
    assert job(Sink(), checkpoint=sink.checkpoints[-1]).kept("nothing") == "nothing"


def _found_one() -> Solution:
    search = Search("s", model=lambda: "a")
    search.run(lambda: search.found(1, 0, [1]))
    return search.solution(Status.FEASIBLE)


def test_a_search_beside_a_loop_of_the_user_s_has_a_bar_of_its_own() -> None:
    """The job's bar is where the user's code has put it."""
    sink = Sink()
    context = job(sink)
    context.reports.progress(3, 10)

    def act() -> Solution:
        search = Search("cpsat")

        def solve() -> None:
            search.found(100, 75, [1])
            assert sink.last["bars"] == [["cpsat", 75, 100]]

        search.run(solve)
        return search.solution(Status.FEASIBLE)

    within(context, act)
    assert (sink.last["done"], sink.last["total"], "bars" in sink.last) == (3, 10, False)


def test_two_searches_get_processors_of_their_own() -> None:
    """Each is pinned to some that the other does not have, where any are free; afterwards nothing is pinned."""
    before = cores.allowed()
    taken: list[frozenset[int]] = []
    with cores.pinned(1) as first:
        taken.append(first)
        assert cores.allowed() == (set(first) or before)

        def other() -> None:
            with cores.pinned(1, among=before) as second:
                taken.append(second)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert taken[0].isdisjoint(taken[1])
    assert taken[0] | taken[1] <= before
    assert cores.allowed() == before


def test_a_search_that_may_have_all_processors_is_not_pinned() -> None:
    """There is nothing to share."""
    with cores.pinned(len(cores.allowed())) as taken:
        assert taken == frozenset()


def test_callbacks_never_raise() -> None:
    """What cannot be told is logged: a solver would lose its solution by an error from its callback."""
    search = Search("s")
    search.found("no number", None, None)  # type: ignore[arg-type]
    search.found(1, 0, [1])
    assert search.solution(Status.FEASIBLE).objective == 1


def test_a_callback_takes_no_time() -> None:
    """A thousand solutions with ten thousand values each are told in a second at most."""
    search = Search("s")
    vector = [0] * 10_000
    before = time.monotonic()
    for objective in range(1_000, 0, -1):
        search.found(objective, 0, vector)
    assert time.monotonic() - before < SLACK
