"""Alerts: a limit that is crossed is told once, and once that it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model.alerting import SAMPLES, Crossing, Limits, Measure, Memory, check, judge

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def looks(limits: Limits, *measures: Measure) -> tuple[Memory, list[Crossing]]:
    """What is remembered and was told after these looks; memories go through their stored form."""
    memory, told = Memory(), []
    for measure in measures:
        memory, crossings = judge(limits, Memory.from_wire(memory.to_wire()), measure)
        told += crossings
    return memory, told


def at(seconds: float, **numbers: float) -> Measure:
    """A queue some seconds after noon."""
    return Measure(at=NOON + timedelta(seconds=seconds), **numbers)  # type: ignore[arg-type]


def test_each_limit_is_told_of_by_itself() -> None:
    """Over its limit: firing; back: resolved, with the moment since when it was over."""
    limits = check("q", depth=10, oldest_s=60, failure_rate=None, window_s=300)
    _, told = looks(
        limits, at(0, depth=10), at(1, depth=11), at(2, depth=50, oldest_s=61), at(3, depth=3, oldest_s=62), at(4)
    )
    assert [(each.state, each.measure, each.value, each.limit) for each in told] == [
        ("firing", "depth", 11, 10),
        ("firing", "oldest_s", 61, 60),
        ("resolved", "depth", 3, 10),
        ("resolved", "oldest_s", 0, 60),
    ]
    assert [each.since for each in told] == [NOON + timedelta(seconds=s) for s in (1, 2, 1, 2)]


def test_the_share_of_failures_is_that_of_the_window() -> None:
    """What ended before the window no longer counts; too few ends say nothing."""
    limits = check("q", depth=None, oldest_s=None, failure_rate=0.2, window_s=60)
    few = [at(0, ended=100, bad=100), at(10, ended=109, bad=109)]
    assert looks(limits, *few)[1] == []
    memory, told = looks(
        limits, *few, at(20, ended=110, bad=110), at(79, ended=210, bad=110), at(200, ended=211, bad=111)
    )
    assert [(each.state, each.value) for each in told] == [("firing", 1.0), ("resolved", 0.01)]
    assert len(memory.samples) <= 2


def test_counters_that_begin_anew() -> None:
    """A store that was emptied is no failure, and no error."""
    limits = check("q", depth=None, oldest_s=None, failure_rate=0.2, window_s=60)
    assert looks(limits, at(0, ended=500, bad=1), at(10, ended=5, bad=1), at(20, ended=30, bad=1))[1] == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(0, 40)), max_size=200))
def test_firing_and_resolved_take_turns(steps: list[tuple[int, int, int]]) -> None:
    """Whatever a queue does: of each limit firing is followed by resolved, and memory stays small."""
    limits = check("q", depth=20, oldest_s=None, failure_rate=0.5, window_s=60)
    seconds = ended = bad = 0
    measures = []
    for step, depth, ends in steps:
        seconds, ended, bad = seconds + step, ended + ends, bad + ends // 2 + depth % 2 * (ends - ends // 2)
        measures.append(at(seconds, depth=depth, ended=ended, bad=bad))
    memory, told = looks(limits, *measures)
    for name in ("depth", "failure_rate"):
        states = [each.state for each in told if each.measure == name]
        assert states == ["firing", "resolved"] * (len(states) // 2) + ["firing"] * (len(states) % 2)
        assert (name in memory.firing) is bool(len(states) % 2)
    assert len(memory.samples) <= SAMPLES + 2


@pytest.mark.parametrize(
    "given",
    [
        {}, {"depth": -1}, {"depth": 1.5}, {"depth": True}, {"oldest_s": -1}, {"oldest_s": "soon"}, {"failure_rate": 1},
        {"failure_rate": -0.1}, {"failure_rate": float("nan")}, {"depth": 1, "window_s": 0},
    ],
)  # fmt: skip
def test_limits_that_cannot_be_meant(given: dict[str, object]) -> None:
    """Each gives one sentence that names the field."""
    values = {"depth": None, "oldest_s": None, "failure_rate": None, "window_s": 300, **given}
    with pytest.raises(ConfigurationError, match=r"\.$"):
        check("q", **values)
