"""Jobs that come again and again."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import nbqueue
from nbqueue import ConfigurationError, Cron, Every, Queue, UnknownSchedule, options, schedule, schedules
from nbqueue.model.schedule import ScheduleState
from tests.waiting import until, wait_until


def append(path: str, word: str) -> str:
    """Something that is to be done each second, say."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{word}\n")
    return word


def words(path: Path) -> list[str]:
    """What was done so far."""
    return path.read_text(encoding="utf-8").split() if path.exists() else []


async def test_a_function_is_run_again_and_again(tmp_path: Path) -> None:
    """`schedule` takes a cron expression (with six fields: seconds first) or an interval, and then a call."""
    path = tmp_path / "done"
    ticking = await schedule("* * * * * *", append, str(path), "tick")
    await until(lambda: len(words(path)) >= 2)
    await ticking.delete()
    info = await nbqueue.history(tag="schedule:append")
    assert list(info["job"])[0].startswith("append@20")  # noqa: RUF015
    assert set(info["state"]) == {"succeeded"}


async def test_it_has_a_name_and_can_be_asked(tmp_path: Path) -> None:
    """Its name is that of its function, or its own; what it does next and did last is known to all."""
    nightly = Cron("30 6 * * mon-fri", timezone="Europe/Berlin", name="nightly")
    await options(timeout=60, label="the nightly run").schedule(nightly, append, str(tmp_path / "done"), "night")
    info = await schedules["nightly"].info()
    assert (info.state, info.times, info.runs) == (ScheduleState.ACTIVE, nightly, 0)
    assert info.next_at is not None
    assert info.next_at > datetime.now(UTC)
    found = await schedules.all()
    assert [each.name for each in found] == ["nightly"]
    assert "30 6 * * mon-fri (Europe/Berlin)" in repr(found)
    assert "<td" in str(found._repr_html_())
    with pytest.raises(UnknownSchedule, match='knows no schedule "yearly"'):
        await schedules.get("yearly")


async def test_a_cell_can_be_run_again(tmp_path: Path) -> None:
    """The same name again replaces what is called; where the times are the same it goes on where it is."""
    path = tmp_path / "done"
    first = await schedule(Every("1s", name="mine"), append, str(path), "old")
    await until(lambda: "old" in words(path))
    second = await schedule(Every("1s", name="mine"), append, str(path), "new")
    await until(lambda: "new" in words(path))
    assert (first.existed, second.existed, len(await schedules.all())) == (False, True, 1)
    assert (await second.info()).runs >= 2
    await second.delete()


def test_pause_resume_and_run_now(tmp_path: Path) -> None:
    """A schedule can be held, and run once beside its times; without `await`, `.wait()` does."""
    path = tmp_path / "done"
    hourly = schedule("@hourly", append, str(path), "x").wait()
    hourly.pause().wait()
    assert hourly.info().wait().state is ScheduleState.PAUSED
    job = hourly.trigger().wait()
    assert job.wait(10) == "x"
    hourly.resume().wait()
    info = hourly.info().wait()
    assert (info.state, info.runs, info.last_job) == (ScheduleState.ACTIVE, 0, job.id)


async def test_its_times_can_be_changed(tmp_path: Path) -> None:
    """Anything said of its times, one by one or all at once; what it calls stays."""
    path = tmp_path / "done"
    yearly = await schedule(Cron("@yearly", overlap="queue", name="mine"), append, str(path), "x")
    await yearly.change("@monthly", timezone="Asia/Tokyo")
    assert (await yearly.info()).times == Cron("@monthly", timezone="Asia/Tokyo", overlap="queue", name="mine")
    await yearly.change(Every(1, count=2))
    await until(lambda: len(words(path)) == 2)
    info = await until_ended(yearly)
    assert (info.runs, info.next_at, info.times) == (2, None, Every(1, count=2, name="mine"))


async def until_ended(found: nbqueue.Schedule[str]) -> nbqueue.model.schedule.ScheduleRecord:
    """What is known of it once no more runs will come."""
    async with asyncio.timeout(10):
        while (info := await found.info()).state is not ScheduleState.ENDED:  # noqa: ASYNC110 - it is in the server
            await asyncio.sleep(0.05)
    return info


async def test_start_end_and_count_bound_it(tmp_path: Path) -> None:
    """The first of an interval comes at its start; after its end or its count it stays visible, as ended."""
    path = tmp_path / "done"
    now = datetime.now(UTC)
    window = Every(1, start=now + timedelta(seconds=1), end=now + timedelta(seconds=2.5), name="window")
    info = await until_ended(await schedule(window, append, str(path), "x"))
    await until(lambda: len(words(path)) == 2)
    assert (info.runs, info.last_at) == (2, window.start + timedelta(seconds=1) if window.start else None)
    await schedule(window, append, str(path), "the cell once more")
    assert (await schedules["window"].info()).state is ScheduleState.ENDED


async def test_a_schedule_that_would_never_run_is_refused() -> None:
    """Its end has passed, or lies before its first time; one that is there keeps its times then."""
    now = datetime.now(UTC)
    with pytest.raises(ConfigurationError, match=r'Schedule "past" would never run: end=\S+ has passed\.'):
        await schedule(Every(5, end=now - timedelta(hours=1), name="past"), abs, -1)
    with pytest.raises(ConfigurationError, match="would never run: no time of every 1 h comes before end="):
        await schedule(Every("1h", end=now + timedelta(minutes=5)), abs, -1)
    there = await schedule(Every("1h", name="there"), abs, -1)
    with pytest.raises(ConfigurationError, match="has passed"):
        await there.change(end=now - timedelta(hours=1))
    assert (await there.info()).state is ScheduleState.ACTIVE
    assert [each.name for each in await schedules.all()] == ["there"]


def slow(path: str, seconds: float) -> None:
    """Takes longer than from one time to the next."""
    append(path, "begin")
    time.sleep(seconds)
    append(path, "end")


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_runs_do_not_overlap(tmp_path: Path, overlap: str) -> None:
    """While the last run lives, the next time is left out, or waits for its end."""
    path = tmp_path / "done"
    times = Every(1, overlap=overlap, count=3)  # type: ignore[arg-type]
    found = schedule(times, slow, str(path), 1.3).wait()
    wait_until(lambda: words(path).count("end") == 3, 15)
    assert words(path) == ["begin", "end"] * 3
    assert (found.info().wait().skipped > 0) == (overlap == "skip")


@pytest.mark.needs_processes("stopping")
def test_a_run_can_cancel_the_one_before(tmp_path: Path) -> None:
    """The last run is stopped for real before the next begins."""
    path = tmp_path / "done"
    found = schedule(Every(1, overlap="cancel", count=3), slow, str(path), 30).wait()
    wait_until(lambda: words(path).count("begin") == 3, 15)
    assert "end" not in words(path)
    jobs = nbqueue.attach().wait()
    jobs.cancel().wait()
    assert found.info().wait().state is ScheduleState.ENDED


def test_what_belongs_to_one_job_is_refused() -> None:
    """Each run has an id and a time of its own, and waits for no other job; what cannot be meant is told at once."""
    with pytest.raises(nbqueue.ConfigurationError, match="A schedule cannot wait for other jobs"):
        schedule(60, abs, nbqueue.submit(abs, -1).wait().output)
    with pytest.raises(nbqueue.ConfigurationError, match="job_id= cannot be used with schedule: each run has an id"):
        options(job_id="mine").schedule(60, append, "x", "y")
    with pytest.raises(nbqueue.ConfigurationError, match=r'give one, for example Every\(60, name="refresh"\)'):
        schedule(60, lambda: 3)
    with pytest.raises(nbqueue.ConfigurationError, match="cannot be used: bad hour"):
        schedule("0 25 * * *", append, "x", "y")


async def test_a_schedule_says_what_is_in_its_way(tmp_path: Path) -> None:
    """While its queue takes no more jobs it does not run, and its record says why; it runs once the queue is open."""
    path = tmp_path / "done"
    queue = Queue("reports")
    await queue.drain()
    await options(queue="reports").schedule(Every(1, name="hindered"), append, str(path), "tick")

    async def error() -> str:
        return (await schedules["hindered"].info()).error

    assert 'Queue "reports" takes no more jobs' in await until(error, 10)
    assert (await schedules["hindered"].info()).runs == 0
    await queue.open()

    async def runs() -> bool:
        return (await schedules["hindered"].info()).runs > 0

    await until(runs, 10)
    assert not await error()
    await schedules["hindered"].delete()
    await queue.clear()
