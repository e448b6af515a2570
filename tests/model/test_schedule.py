"""What a turn at a schedule does: missed times, times whose last run lives, counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model import kept_options
from nbqueue.model.options import check
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.schedule import LATE, MOST_WAITING, Standing, Turn, turn
from nbqueue.model.times import Cron, Every, Times

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(*minutes: float) -> tuple[datetime, ...]:
    """Moments so many minutes after the beginning."""
    return tuple(BEGIN + number * MINUTE for number in minutes)


def standing(due: float | None = 1, **given: Any) -> Standing:
    """A schedule of each minute whose next time is that one."""
    return Standing(due=None if due is None else at(due)[0], anchor=BEGIN, **given)


def every(**given: Any) -> Times:
    """Times of each minute."""
    return Every(60, **given)


def test_a_time_that_has_come_is_run() -> None:
    """One job, and the next time is the one after."""
    assert turn(every(), standing(), at(1.001)[0], lives=False) == Turn(fire=at(1), next_at=at(2)[0])


def test_before_its_time_nothing_is_done() -> None:
    """Taken too early, it waits for the same time."""
    assert turn(every(), standing(), at(0.9)[0], lives=False) == Turn(next_at=at(1)[0])


@pytest.mark.parametrize(
    ("misfire", "now", "fire"),
    [
        ("skip", 5.5, ()), ("once", 5.5, at(5)), (3, 5.5, at(3, 4, 5)), (99, 5.5, at(1, 2, 3, 4, 5)),
        ("skip", 5.001, at(5)), ("once", 5.001, at(5)), (2, 5.001, at(4, 5)),
    ],
)  # fmt: skip
def test_missed_times(misfire: Any, now: float, fire: tuple[datetime, ...]) -> None:
    """Skipped, made up for by one run, or by so many; a time that has just come was not missed."""
    found = turn(every(misfire=misfire, overlap="allow"), standing(), at(now)[0], lives=False)
    assert found == Turn(fire=fire, next_at=at(6)[0])


@pytest.mark.parametrize(
    ("overlap", "lives", "expected"),
    [
        ("skip", True, Turn(skipped=1, next_at=at(2)[0])),
        ("skip", False, Turn(fire=at(1), next_at=at(2)[0])),
        ("queue", True, Turn(waiting=at(1), next_at=at(2)[0])),
        ("queue", False, Turn(fire=at(1), next_at=at(2)[0])),
        ("cancel", True, Turn(waiting=at(1), cancel=True, next_at=at(2)[0])),
        ("cancel", False, Turn(fire=at(1), next_at=at(2)[0])),
        ("allow", True, Turn(fire=at(1), next_at=at(2)[0])),
    ],
)
def test_a_time_that_comes_while_the_last_run_lives(overlap: Any, lives: bool, expected: Turn) -> None:  # noqa: FBT001
    """It is left out, waits, has the last run cancelled, or does not care."""
    assert turn(every(overlap=overlap), standing(), at(1.001)[0], lives=lives) == expected


def test_runs_that_wait_come_one_after_another() -> None:
    """The first that waits goes first, and between two times a turn sends on what waits."""
    queueing = every(overlap="queue")
    waiting = standing(3, waiting=at(1, 2))
    assert turn(queueing, waiting, at(3)[0], lives=True) == Turn(waiting=at(1, 2, 3), next_at=at(4)[0])
    assert turn(queueing, waiting, at(2.5)[0], lives=False) == Turn(fire=at(1), waiting=at(2), next_at=at(3)[0])
    full = standing(200, waiting=at(*range(MOST_WAITING)))
    assert turn(queueing, full, at(200)[0], lives=True).skipped == 1


def test_cancelling_leaves_the_newest_only() -> None:
    """What waited for the end of a cancelled run gives way to the next time."""
    found = turn(every(overlap="cancel"), standing(2, waiting=at(1)), at(2)[0], lives=True)
    assert found == Turn(waiting=at(2), skipped=1, cancel=True, next_at=at(3)[0])


def test_a_count_ends_a_schedule() -> None:
    """After so many runs no time is next; a time that was left out does not count."""
    assert turn(every(count=2), standing(runs=1), at(1)[0], lives=False) == Turn(fire=at(1))
    assert turn(every(count=2), standing(runs=1), at(1)[0], lives=True) == Turn(skipped=1, next_at=at(2)[0])
    queueing = every(count=3, overlap="queue", misfire=9)
    found = turn(queueing, standing(runs=0), at(9.5)[0], lives=False)
    assert found == Turn(fire=at(1), waiting=at(2, 3))
    assert turn(queueing, Standing(due=None, anchor=BEGIN, runs=1, waiting=at(2, 3)), at(9.5)[0], lives=True) == Turn(
        waiting=at(2, 3)
    )


def test_an_end_ends_a_schedule() -> None:
    """What was missed before the end is made up for; then nothing is next."""
    assert turn(every(end=at(3)[0]), standing(), at(30)[0], lives=False) == Turn(fire=at(3))


def test_a_month_of_seconds_is_looked_through_at_once() -> None:
    """However much was missed, only what is made up for is looked for."""
    found = turn(Cron("* * * * * *", misfire=5, overlap="allow"), standing(0), at(40_000)[0], lives=False)
    assert found.fire == tuple(at(40_000)[0] - timedelta(seconds=n) for n in (4, 3, 2, 1, 0))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=30),
    st.sampled_from(["skip", "once", 3]),
    st.sampled_from(["skip", "queue", "cancel", "allow"]),
    st.one_of(st.none(), st.integers(1, 12)),
)
def test_no_time_is_run_twice_and_no_burst_comes(
    steps: list[tuple[int, bool]], misfire: Any, overlap: Any, count: int | None
) -> None:
    """Through any turns: each time at most once, in order, only after it has come, and never more than allowed."""
    times = Every(60, misfire=misfire, overlap=overlap, count=count)
    now, state, ran = BEGIN, standing(1), list[datetime]()
    for seconds, lives in steps:
        now += timedelta(seconds=seconds)
        found = turn(times, state, now, lives=lives)
        if found.cancel:
            found = turn(times, state, now, lives=False)
        assert len(found.fire) <= (3 if misfire == 3 else 1)
        assert not (lives and overlap in {"skip", "queue"} and found.fire)
        assert all(time <= now for time in found.fire)
        if misfire == "skip" and overlap != "queue":
            assert all(now - time <= LATE for time in found.fire)
        ran += found.fire
        state = Standing(due=found.next_at, anchor=BEGIN, runs=len(ran), waiting=found.waiting)
        assert found.next_at is None or found.next_at > now
    assert ran == sorted(set(ran))
    assert count is None or len(ran) <= count


def test_options_are_kept_as_json() -> None:
    """All but those of one job; what was kept is read as the same options."""
    options = check(
        queue="q", priority="high", timeout=5, retry=RetryPolicy(on=(ValueError,)), tags=["a"], memory="1GB"
    )
    assert kept_options.from_plain({**kept_options.to_plain(options), "of_the_future": 1}) == options
    solver = check(preset="solver", retry=1, rate="3/min", resources={"gpu": 1}, on_parent_failure="run")
    assert kept_options.from_plain(kept_options.to_plain(solver)) == solver
    refused: dict[str, Any] = {
        "job_id": "mine",
        "delay": 3,
        "after": ["job"],
        "unique": 3,
        "cache": 3,
        "batch": 2,
        "at": BEGIN.replace(year=datetime.now(UTC).year),
    }
    for name, value in refused.items():
        with pytest.raises(ConfigurationError, match=f"{name}= cannot be used with schedule"):
            kept_options.to_plain(check(**{name: value}))
