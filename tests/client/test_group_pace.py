"""How fast the jobs of a group end, over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nbqueue.client.group_pace import FINEST_S, STRETCHES, Pace

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds later."""
    return NOW + timedelta(seconds=seconds)


def test_nothing_has_ended() -> None:
    """There are no rates."""
    assert Pace().rates(NOW) == ()


def test_ends_are_counted_where_they_come() -> None:
    """A stretch is half a second; those up to now count, also where nothing ended."""
    pace = Pace()
    for seconds in (0.0, 0.1, 0.2, 1.1):
        pace.ended(at(seconds))
    assert pace.rates(at(2.2)) == (6.0, 0.0, 2.0, 0.0, 0.0)


@pytest.mark.parametrize("seconds", [10, 100, 1_000, 100_000])
def test_the_stretches_grow_with_the_time(seconds: int) -> None:
    """However long it takes, there are few, and none of the ends is lost."""
    pace = Pace()
    for second in range(0, seconds, max(seconds // 200, 1)):
        pace.ended(at(second))
    rates = pace.rates(at(seconds))
    assert min(STRETCHES // 2, seconds / FINEST_S) <= len(rates) <= STRETCHES
    assert round(sum(rates) * pace._width_s) == len(range(0, seconds, max(seconds // 200, 1)))


def test_an_end_that_is_told_late() -> None:
    """It counts where it came, in whatever order ends are told."""
    pace = Pace()
    for seconds in (1, 0, 0.7):
        pace.ended(at(seconds))
    assert pace.rates(at(1)) == (2.0, 2.0, 2.0)


def test_after_a_long_rest_the_rest_is_seen() -> None:
    """An hour in which nothing ended is most of what there is to see after it."""
    pace = Pace()
    for second in range(60):
        pace.ended(at(second))
    rates = pace.rates(at(3660))
    assert STRETCHES // 2 <= len(rates) <= STRETCHES
    assert [rate for rate in rates if rate] == [1.0, 28 / 32]
    assert rates[:2] == (1.0, 28 / 32)
