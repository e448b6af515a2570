"""Metrics over time, in a bounded number of points."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.model.trace import METRICS, POINTS, Trace, finite


def test_numbers_are_kept_by_name() -> None:
    """What is no finite number is passed over."""
    trace = Trace()
    trace.add(0.5, {"objective": 10, "note": "text", "flag": True, "gap": math.nan})
    trace.add(1.0, {"objective": 9.5, "gap": 0.5, "huge": 10**400})
    assert trace.series() == {"objective": ((0.5, 10.0), (1.0, 9.5)), "gap": ((1.0, 0.5),)}


def test_a_value_that_stays_takes_two_points() -> None:
    """The first moment and the last one."""
    trace = Trace()
    for at in range(100):
        trace.add(at, {"bound": 7})
    trace.add(100, {"bound": 8})
    assert trace.series() == {"bound": ((0, 7.0), (99, 7.0), (100, 8.0))}


@given(st.integers(1, 5_000))
def test_the_first_and_the_newest_point_stay(count: int) -> None:
    """However many are added, there are few, in order, from the first to the newest."""
    trace = Trace()
    for at in range(count):
        trace.add(at, {"loss": at % 7})
    points = trace.series()["loss"]
    assert len(points) <= POINTS
    assert (points[0][0], points[-1][0]) == (0, count - 1)
    assert list(points) == sorted(points)


@pytest.mark.parametrize("count", [61, 90, 100, 599, 6_000, 12_345])
def test_what_is_left_is_even(count: int) -> None:
    """However long it goes on, the beginning is told as closely as the end: no gap is longer than a few others."""
    trace = Trace(60)
    for at in range(count):
        trace.add(at / 10, {"loss": 1 / (at + 1)})
    moments = [at for at, _ in trace.series()["loss"]]
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(moments) >= 25
    assert max(gaps) <= 3 * count / 10 / 25


def test_there_is_an_end_to_names() -> None:
    """A job that makes up names as it goes fills no memory."""
    trace = Trace()
    for number in range(100):
        trace.add(number, {f"metric {number}": number})
    assert len(trace.series()) == METRICS


@pytest.mark.parametrize(("value", "found"), [(3, 3.0), (True, None), ("3", None), (None, None), (math.inf, None)])
def test_what_a_number_is(value: object, found: float | None) -> None:
    """Booleans and texts are none."""
    assert finite(value) == found


def test_what_was_kept_comes_before_what_came_since() -> None:
    """A trace goes over a wire as plain JSON; from where on there is something newer, that counts."""
    early, late = Trace(), Trace()
    for at in range(5):
        early.add(at + 0.25, {"objective": 100 - at, "gap": 1 / 3})
    for at in range(3, 7):
        late.add(at + 0.25, {"objective": 100 - at})
    late.recall(json.loads(json.dumps(early.to_wire())))
    assert late.series() == {
        "objective": ((0.25, 100), (1.25, 99), (2.25, 98), *((at + 0.25, 100 - at) for at in range(3, 7))),
        "gap": ((0.25, 0.333333333), (4.25, 0.333333333)),
    }


def test_what_was_missed_in_between_is_put_there() -> None:
    """A hole is filled, and what was heard a moment after it was reported is not there twice."""
    kept, heard = Trace(), Trace()
    for at in range(10):
        kept.add(at, {"objective": 100 - at, "bound": 5})
        if at not in {3, 4, 5, 9}:
            heard.add(at + 0.1, {"objective": 100 - at, "bound": 5})
    for _ in range(2):
        heard.recall(json.loads(json.dumps(kept.to_wire())))
        heard.add(8.1, {"gap": 1})
    at_s, values = zip(*heard.series()["objective"], strict=True)
    assert values == tuple(100 - at for at in range(10))
    assert at_s == (0.1, 1.1, 2.1, 3, 4, 5, 6.1, 7.1, 8.1, 9)
    assert heard.series()["bound"] == ((0.1, 5), (8.1, 5), (9, 5))


@given(st.integers(1, 2_000), st.integers(1, 2_000))
def test_what_is_recalled_is_bounded_too(first: int, missed: int) -> None:
    """However much was heard and missed, there are few points, in order."""
    kept, heard = Trace(60), Trace()
    for at in range(first + missed):
        kept.add(at, {"loss": at % 7})
        if at < first:
            heard.add(at + 0.05, {"loss": at % 7})
    for _ in range(3):
        heard.recall(json.loads(json.dumps(kept.to_wire())))
    points = heard.series()["loss"]
    assert len(points) <= POINTS
    assert (points[-1], list(points)) == ((first + missed - 1, (first + missed - 1) % 7), sorted(points))


@pytest.mark.parametrize(
    "found", [None, 5, [], {"a": None}, {"a": [[1]]}, {"a": [[1, "x"], [None, 2]]}, {"a": [[math.nan, 1]]}], ids=str
)
def test_what_is_no_trace_is_passed_over(found: object) -> None:
    """Whoever wrote it, it harms nobody."""
    trace = Trace()
    trace.add(1, {"objective": 2})
    trace.recall(found)
    assert trace.series() == {"objective": ((1, 2.0),)}
