"""How a search ends: what it says of a proof within a gap, and what it leaves behind in its job."""

import gc

import pytest

from nbqueue.inside.stopping import StopState
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.search import Search
from nbqueue.solvers.solution import Status
from tests.solvers.test_search import Sink, job, within


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
