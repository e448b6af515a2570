"""When a job starts: after a time, from a moment on, or not at all where it is too late."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from nbqueue import ConfigurationError, JobExpired, Queue, State, options


async def test_a_job_waits_for_some_time() -> None:
    """`delay` takes seconds or a timedelta, counted from the submit."""
    began = time.time()
    job = await options(delay=timedelta(seconds=0.3)).submit(time.time)
    assert await job.state() is State.SCHEDULED
    assert await job >= began + 0.3


async def test_a_job_waits_for_a_moment() -> None:
    """`at` takes an aware datetime; a moment that has passed is now."""
    moment = datetime.now(UTC) + timedelta(seconds=0.3)
    assert await options(at=moment).run(time.time) >= moment.timestamp()
    assert await options(at=moment).run(abs, -1) == 1
    with pytest.raises(ConfigurationError, match="give an aware datetime"):
        options(at=datetime(2030, 1, 1))  # noqa: DTZ001


async def test_a_job_that_is_too_late_does_not_start() -> None:
    """`expires` says within how long after the submit it must start; then it ends as expired."""
    await Queue("morning").pause()
    late = await options(queue="morning", expires=0.05).submit(abs, -1)
    with pytest.raises(JobExpired, match=r"was not started within 0\.05 s"):
        await late
    assert await late.state() is State.EXPIRED


async def test_a_job_is_not_put_off_beyond_its_end() -> None:
    """`reschedule` to a time at which it would have expired is refused, and the job stays as it is."""
    job = await options(delay=60, expires=600).submit(abs, -1)
    before = (await job.info()).due_at
    for late in ({"delay": 3600}, {"at": datetime.now(UTC) + timedelta(hours=1)}):
        with pytest.raises(ConfigurationError, match=f"Job {job.id} cannot be put off so long: by its expires="):
            await job.reschedule(**late)
    assert (await job.info()).due_at == before
    assert await job.reschedule(delay=120) == "changed"
    assert await job.promote() == "changed"
    assert await job == 1
    group = await options(delay=60, expires=600).submit_map(abs, [1, 2])
    assert await group.reschedule(delay=3600) == {"expires before": 2}
    await group.cancel()


async def test_what_contradicts_itself_is_refused() -> None:
    """It cannot be due after it has expired, be it by a delay or by what waits for others of its kind."""
    with pytest.raises(ConfigurationError, match="delay=60 and expires=60 cannot be used together"):
        options(delay=60, expires=60)
    with pytest.raises(ConfigurationError, match=r"debounce=60 and expires=5 .* Give expires= more than debounce=\."):
        options(delay=1, debounce=60, expires=5)


async def test_a_moment_wins_over_a_delay() -> None:
    """Where both are given the delay does not count, also not for whether the job would be too late."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(
        ConfigurationError, match=r"^Job not accepted: by at= .* give expires= more than that, or an earlier"
    ):
        await options(at=tomorrow, expires=60).submit(abs, -1)
    assert await options(at=datetime.now(UTC), delay=3600, expires=60).run(abs, -1) == 1
