"""Metrics over time, in a bounded number of points."""

from __future__ import annotations

import math

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
