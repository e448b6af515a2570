"""How a job's metrics went, for those who look at it later."""

from __future__ import annotations

import pytest

import nbqueue
from nbqueue.client.live import Live
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.servers import Server
from tests.waiting import SLACK, until
from tests.workers import running_worker


def improving(folder: str) -> None:
    """A solver that reports what it has found, step by step, and goes on when it is told to."""
    import time
    from pathlib import Path

    for step in range(4):
        nbqueue.report(objective=100 - step, bound=90 + step, note="text")
        time.sleep(0.25)
    Path(folder, "reported").touch()
    while not Path(folder, "end").exists():
        time.sleep(0.02)
    nbqueue.report(objective=95)


def descending(folder: str, steps: int) -> None:
    """Report a number again and again, and go on when it is told to."""
    import time
    from pathlib import Path

    for step in range(steps):
        nbqueue.report(objective=steps - step)
        time.sleep(0.4)
    while not Path(folder, "end").exists():
        time.sleep(0.02)


@pytest.mark.slow
async def test_holes_are_filled_while_the_job_runs(settings: Settings, server: Server) -> None:
    """What was reported between the last time it was kept and the first look, or while one was cut off, is there."""
    nbqueue.configure(settings)
    folder = settings.home / "said"
    folder.mkdir(parents=True)
    with running_worker(settings):
        job = await nbqueue.submit(descending, str(folder), 25)
        early = job.live()
        await until(lambda: len(_objectives(early)) > 6, 20)
        late = (await nbqueue.attach(job.id)).live()
        await until(lambda: _objectives(early)[-1] < 15)
        await server.cut_off("nbqueue-client", 2)
        await until(lambda: _objectives(early) == _objectives(late) == [25 - step for step in range(25)], 10)
        assert early.record.state is late.record.state is State.RUNNING
        (folder / "end").touch()
        await job


def _objectives(live: Live) -> list[float]:
    return [value for _, value in live.trace.series().get("objective", ())]


async def test_whoever_follows_late_sees_the_whole_curve(settings: Settings) -> None:
    """While the job runs and after its end, the metrics are known from the beginning of the attempt."""
    nbqueue.configure(settings)
    folder = settings.home / "said"
    folder.mkdir(parents=True)
    with running_worker(settings):
        job = await nbqueue.submit(improving, str(folder))
        early = job.live()
        await until((folder / "reported").exists, 20)
        late = (await nbqueue.attach(job.id)).live()
        await until(lambda: "objective" in late.trace.series())
        (folder / "end").touch()
        await job
    after = (await nbqueue.attach(job.id)).live()
    await until(lambda: all(each.complete for each in (early, late, after)))
    await until(lambda: all(each.trace.series()["objective"][-1][1] == 95 for each in (early, late, after)))
    for each in (early, late, after):
        found = each.trace.series()
        assert set(found) == {"objective", "bound"}
        values = [value for _, value in found["objective"]]
        assert (values[0], values[-1], values) == (100, 95, sorted(values, reverse=True))
        first, last = found["objective"][0], found["objective"][-1]
        assert (0 <= first[0] < 0.5 * SLACK, first[0] < last[0]) == (True, True)
        each.close()
