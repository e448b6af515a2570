"""Functions that are submitted by their name: which lane their jobs wait in."""

import time

import pytest

import nbqueue
from nbqueue import submit_map
from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

pytestmark = pytest.mark.usefixtures("session")


@nbqueue.task("lane-plain")
def plain(number: int) -> int:
    """One that needs a process."""
    time.sleep(0.01)
    return number


@nbqueue.task("lane-coroutine")
async def coroutine(number: int) -> int:
    """One that runs in the loop."""
    return number


def test_a_job_by_name_is_claimed_once_and_where_it_runs(server: Server, settings: Settings) -> None:
    """Workers have said which functions need a process; what is claimed once counts once for --max-jobs."""
    words = ("--slots", "1", "--max-jobs", "20")
    with running_worker(settings, __name__, *words) as worker, server.client() as client:
        wait_until(lambda: client.hlen(Keys().terms) == 1)
        jobs = submit_map("lane-plain", range(18)).wait(10)
        assert jobs.wait(30) == list(range(18))
        assert {client.hget(Keys().record(job.id), "fence") for job in jobs} == {b"1"}
        assert submit_map("lane-coroutine", [1]).wait(10).wait(10) == [1]
        assert "is renewed" not in worker.log
        assert submit_map("lane-plain", [2]).wait(10).wait(10) == [2]
        wait_until(lambda: "it has begun 20 jobs" in worker.log)


def test_a_job_that_came_before_any_worker_counts_once(settings: Settings) -> None:
    """It is handed over to the lane of processes, which is no beginning."""
    jobs = submit_map("lane-plain", range(12)).wait(10)
    with running_worker(settings, __name__, "--slots", "1", "--max-jobs", "20") as worker:
        assert jobs.wait(30) == list(range(12))
        assert submit_map("lane-plain", range(7)).wait(10).wait(20) == list(range(7))
        assert "is renewed" not in worker.log
        assert submit_map("lane-plain", [1]).wait(10).wait(10) == [1]
        wait_until(lambda: "it has begun 20 jobs" in worker.log)
