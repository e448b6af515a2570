"""What jobs reported as numbers, as a frame."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.broker.keys import Keys
from nbqueue.errors import JobLost
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.workers import running_worker

TYPES = {"job": "string", "label": "string", "name": "category", "at_s": "float64", "value": "float64"}


@pytest.fixture
def worker(configured: Settings) -> Iterator[None]:
    """A worker of the test's server."""
    with running_worker(configured, "--slots", "2"):
        yield


def improve(begin: int) -> None:
    """A solver that finds three solutions."""
    import time

    for step in range(3):
        nbqueue.report(objective=begin - step, bound=begin - 10, note="text")
        time.sleep(0.4)


@pytest.mark.usefixtures("worker")
async def test_of_a_job_each_point_is_a_row() -> None:
    """Job, label, name, seconds since its start, and value; what is no number is left out; a chart takes it."""
    job = await nbqueue.options(label="first").submit(improve, 100)
    await job
    df = await job.metrics()
    assert {str(name): str(dtype) for name, dtype in df.dtypes.items()} == TYPES
    assert (set(df["job"]), set(df["label"]), set(df["name"])) == ({job.id}, {"first"}, {"objective", "bound"})
    objective = df[df["name"] == "objective"]
    assert list(objective["value"]) == [100, 99, 98]
    assert objective["at_s"].is_monotonic_increasing
    assert 0 <= objective["at_s"].iloc[0] < objective["at_s"].iloc[-1] < 60
    assert nbqueue.charts.convergence(df).get_title() == "Convergence of first"


@pytest.mark.usefixtures("worker")
def test_of_many_jobs_all_are_in_one_frame() -> None:
    """A group and a selection give the same, in the order of their jobs; sync code waits for it."""
    group = nbqueue.submit_map(improve, [100, 200]).wait()
    group.wait(30)
    df = group.metrics().wait(10)
    assert list(dict.fromkeys(df["job"])) == [job.id for job in group]
    assert [df.loc[df["job"] == job.id, "value"].max() for job in group] == [100, 200]
    found = nbqueue.jobs.where(function=improve).wait(10)
    assert found.metrics().wait(10).groupby("job").size().to_dict() == df.groupby("job").size().to_dict()


async def test_without_metrics_the_frame_is_empty() -> None:
    """With its columns all the same; of a job that the server does not know there is an error."""
    job = await nbqueue.submit(abs, 1)
    df = await job.metrics()
    assert ({str(name): str(dtype) for name, dtype in df.dtypes.items()}, len(df)) == (TYPES, 0)
    with pytest.raises(JobLost):
        await nbqueue.Job("unknown").metrics()


async def test_of_an_attempt_before_nothing_is_told(server: Server) -> None:
    """What is kept of another claim than the newest is left out, and so is what no worker wrote."""
    job = await nbqueue.submit(abs, 1)
    with server.client() as client:
        for text, rows in (
            ({"fence": 7, "series": {"objective": [[0, 1]]}}, 0),
            ({"fence": 0, "series": {"\ud800$": [[0, 1], ["x", 2], [1, None]]}}, 1),
            ({"fence": 0, "series": [1]}, 0),
            ({"series": 5}, 0),
        ):
            client.set(Keys().trace(job.id), json.dumps(text), ex=60)
            assert len(await job.metrics()) == rows
