"""Pace, refusals and scores: the pure parts of an evaluation."""

import asyncio
import math
import urllib.error
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError, RetryLater
from nbqueue.evaluators import data_set, plan, scorers
from nbqueue.evaluators.comparison import Comparison
from nbqueue.evaluators.data_set import Item
from nbqueue.evaluators.evaluation import Evaluation, Sample
from nbqueue.evaluators.item_tries import Tries
from nbqueue.evaluators.pacing import Pace
from nbqueue.evaluators.refusals import asked_wait_s
from nbqueue.evaluators.scores import mean_of, numbers
from nbqueue.model.limits import limit

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def starts(rate: str, count: int) -> list[float]:
    """When so many start that all want to start at 0."""
    pace, now, found = Pace(limit(rate)), 0.0, []
    for _ in range(count):
        now += pace.wait_s(now)
        pace.start(now)
        found.append(now)
    return found


def test_a_rate_counts_over_a_window_that_slides() -> None:
    """At most so many start in any window; without a rate all do at once."""
    assert starts("2/s", 5) == [0, 0, 1, 1, 2]
    pace = Pace(limit())
    pace.start(0.0)
    assert pace.wait_s(0.0) == 0


def test_a_burst_spreads_the_starts() -> None:
    """With a burst of one they come evenly."""
    assert starts("4/s burst 1", 5) == [0, 0.25, 0.5, 0.75, 1]


@given(st.integers(1, 20), st.integers(1, 60), st.lists(st.floats(0, 2), max_size=60))
def test_no_window_holds_more_than_the_rate(rate: int, seconds: int, gaps: list[float]) -> None:
    """Whenever calls want to start, no more than the rate begin within its time."""
    pace, now, found = Pace(limit(f"{rate} per {seconds} s")), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_s(now)
        pace.start(now)
        found.append(now)
    assert all(late - early >= seconds - 1e-6 for early, late in zip(found, found[rate:], strict=False))


async def test_what_is_not_counted_stands_behind_nobody() -> None:
    """While a call waits for the rate a scorer is called; a cancellation that a function makes up is its error."""
    steps = plan.plan(
        name="n", concurrency=2, rate="1/h", retries=0, item_timeout=None, max_errors=None, scored_by=""
    )  # fmt: skip
    tries = Tries(steps)

    async def odd() -> None:
        raise asyncio.CancelledError("not now")

    assert await tries.call(lambda: 1, counted=True) is not None
    waiting = asyncio.ensure_future(tries.call(lambda: 2, counted=True))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        found = [await tries.call(lambda: 3, counted=False), await tries.call(odd, counted=False)]
    assert [(each.value, each.error) for each in found if each] == [(3, ""), (None, "CancelledError: not now")]
    tries.ending.set()
    assert await waiting is None


async def test_a_call_that_is_cancelled_itself_ends() -> None:
    """The cancellation goes on to whoever waits."""
    steps = plan.plan(name="n", concurrency=2, rate=None, retries=0, item_timeout=None, max_errors=None, scored_by="")
    call = asyncio.ensure_future(Tries(steps).call(asyncio.Event().wait, counted=True))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_a_hold_counts_for_all_and_the_longest_wins() -> None:
    """Those that do not count for the rate wait for it too."""
    pace = Pace(limit("1/s"))
    pace.hold(5.0)
    pace.hold(3.0)
    assert (pace.wait_s(1.0), pace.wait_s(1.0, counted=False), pace.wait_s(6.0)) == (4, 4, 0)
    pace.start(6.0)
    assert (pace.wait_s(6.0), pace.wait_s(6.0, counted=False)) == (1, 0)


class Answered(Exception):
    """As clients of HTTP raise it."""

    def __init__(self, **facts: Any) -> None:
        super().__init__("refused")
        vars(self).update(facts)


def _headers(**given: str) -> Message:
    found = Message()
    for name, value in given.items():
        found[name.replace("_", "-")] = value
    return found


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (RetryLater(7), 7),
        (urllib.error.HTTPError("http://x", 429, "", _headers(Retry_After="3"), None), 3),
        (urllib.error.HTTPError("http://x", 500, "", _headers(), None), None),
        (Answered(status_code=429), 4),
        (Answered(status=429, headers={"retry-after": "0.5"}), 0.5),
        (Answered(response=Answered(status_code=429, headers={"Retry-After": "2"})), 2),
        (Answered(code=503, headers={"Retry-After": "9"}), 9),
        (Answered(code=503), None),
        (Answered(status=429, headers={"Retry-After": "Sat, 31 Jan 2026 12:00:08 GMT"}), 8),
        (Answered(status=429, headers={"Retry-After": "soon"}), 4),
        (Answered(code="rate_limited", status=429, retry_after=6), 6),
        (ValueError("no"), None),
    ],
)
def test_an_error_that_says_not_now_is_known(error: Exception, wait_s: float | None) -> None:
    """The status and the header are found where the usual clients have them; without a time the wait doubles."""
    assert asked_wait_s(error, 2, NOW) == wait_s
    outer = KeyError("wrapped")
    outer.__cause__ = error
    assert asked_wait_s(outer, 2, NOW) == wait_s


def test_items_come_from_lists_dicts_and_frames() -> None:
    """Each has an id: its own, its key or index, or its place."""
    import pandas as pd

    rows = [{"id": "a", "input": 1, "target": 2}, {"input": 3}, "plain"]
    assert data_set.read(rows) == [Item("a", rows[0]), Item(1, rows[1]), Item(2, "plain")]
    assert [(item.input, item.target) for item in data_set.read(rows)] == [(1, 2), (3, None), ("plain", None)]
    assert data_set.read({"x": 1}) == [Item("x", 1)]
    frame = pd.DataFrame({"input": [1, 2]}, index=[10, 20])
    assert data_set.read(frame) == [Item(10, {"input": 1}), Item(20, {"input": 2})]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("text", "items='text' cannot be evaluated: give a list of dicts, a dict of items by id, or a pandas frame."),
        (3, "items=3 cannot be evaluated: give a list of dicts, a dict of items by id, or a pandas frame."),
        ([{"id": 1}, {"id": 1}], "Two items have the id 1: give each item an id of its own."),
        ([{"id": []}], "The id [] cannot be used: give each item a text or a number."),
    ],
)
def test_what_is_no_data_set_is_refused(given: Any, sentence: str) -> None:
    """One sentence says what was given and what may be."""
    with pytest.raises(ConfigurationError) as refused:
        data_set.read(given)
    assert str(refused.value) == sentence


def test_scorers_have_names_of_their_own() -> None:
    """Functions by their names, lambdas by a number; a dict names them itself."""

    def exact(output: int, target: int, item: object = None) -> bool:
        return output == target and item is not None

    found = scorers.read([exact, lambda a, b: a == b, lambda a, b: a > b, exact])
    assert [(each.name, each.takes_item) for each in found] == [
        ("exact", True),
        ("score", False),
        ("score_2", False),
        ("exact_2", True),
    ]
    assert [each.name for each in scorers.read({"right": exact})] == ["right"]
    assert scorers.read(None) == []
    with pytest.raises(ConfigurationError, match="scorers=3 cannot be called: give a function of an output"):
        scorers.read(3)


def test_a_scorer_answers_numbers() -> None:
    """A number, a bool, None for no score, or a dict of these; anything else is an error."""
    assert numbers("exact", answer=True) == {"exact": 1.0}
    assert numbers("exact", None) == {}
    assert numbers("both", {"a": 1, "b": None, "c": 0.5}) == {"a": 1.0, "c": 0.5}
    with pytest.raises(TypeError, match="The scorer exact answered str: give a number, a bool, None, or a dict"):
        numbers("exact", "yes")


def _evaluation(values: list[float | None], name: str = "first") -> Evaluation:
    rows = (
        Sample(id=place, input=place, target=0, output=1, scores={"exact": value}, attempts=1, latency_s=0.5)
        if value is not None
        else Sample(id=place, input=place, target=0, output=None, scores={}, attempts=3, error="ValueError: no")
        for place, value in enumerate(values)
    )
    return Evaluation(name=name, samples=tuple(rows), total=len(values), scorers=("exact",))


def test_the_mean_of_scores_has_a_standard_error() -> None:
    """157 right of 196, and 4 that failed, are 0.80102 with the standard error of a sample."""
    found = _evaluation([1.0] * 157 + [0.0] * 39 + [None] * 4)
    metrics = found.metrics
    assert round(metrics["exact"]["mean"], 5) == 0.80102
    assert metrics["exact"]["mean"] == 157 / 196
    assert metrics["exact"]["stderr"] == pytest.approx((157 / 196 * 39 / 196 / 195) ** 0.5)
    assert (metrics["exact"]["n"], metrics["_errors"], metrics["_missing"]) == (196, 4, 0)
    assert (
        repr(found)
        == "<Evaluation first: exact 0.80102 ± 0.029 (n=196); 200 of 200 items; 4 failed, all with ValueError: no>"
    )
    assert found.to_lm_eval() == {
        "results": {
            "first": {
                "alias": "first",
                "exact,none": metrics["exact"]["mean"],
                "exact_stderr,none": metrics["exact"]["stderr"],
            }
        },
        "n-samples": {"first": {"original": 200, "effective": 196}},
    }


@pytest.mark.parametrize("values", [[math.inf, -math.inf], [1e308, 1e308], [math.nan, 1.0]])
def test_what_has_no_sum_has_no_mean(values: list[float]) -> None:
    """It is NaN, and no error."""
    found = mean_of(values)
    assert (math.isnan(found.mean or 0), found.n) == (True, 2)
    assert mean_of([1e200, -1e200]).stderr is not None


def test_two_evaluations_are_compared_item_by_item() -> None:
    """Only items count that both have a score of, and the error is that of the differences."""
    one, other = _evaluation([1, 1, 0, None, 1]), _evaluation([1, 0, 0, 1, 0], "second")
    found = one.compare(other)["exact"]
    assert (found.difference, found.n) == (0.5, 4)
    assert found.stderr == pytest.approx((1 / 3 / 4) ** 0.5)
    assert found.z == pytest.approx(0.5 / (1 / 12) ** 0.5)
    assert one.compare(one)["exact"] == Comparison(0.0, 0.0, 4)
    assert one.compare(one)["exact"].z == 0
    assert _evaluation([None]).compare(one) == {"exact": Comparison(None, None, 0)}


def test_the_frame_has_a_row_an_item() -> None:
    """Its columns are those of the rows, and one for each score."""
    frame = _evaluation([1, None]).frame()
    assert list(frame.columns) == ["id", "input", "target", "output", "attempts", "latency_s", "error", "exact"]
    assert frame["exact"].tolist()[0] == 1
    assert frame["error"].tolist() == ["", "ValueError: no"]
    assert _evaluation([]).frame().shape == (0, 8)
