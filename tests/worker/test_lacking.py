"""A job goes to the worker that has what it needs, past those that lack it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import nbqueue
from nbqueue import Job, JobFailed, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.worker.lacking import LEFT_S, Lacking
from tests.waiting import wait_until
from tests.workers import Worker, running_worker

pytestmark = pytest.mark.usefixtures("session")

TASKS = """
import nbqueue

@nbqueue.task("greet")
async def greet(name):
    return f"hello {name}"
"""


@pytest.fixture
def knowing(settings: Settings, tmp_path: Path) -> Iterator[Worker]:
    """A worker that has the function."""
    (tmp_path / "lack_tasks.py").write_text(TASKS, encoding="utf-8")
    with running_worker(settings, "lack_tasks", "--slots", "2", modules=[tmp_path]) as worker:
        yield worker


@pytest.fixture
def lacking(settings: Settings) -> Iterator[Worker]:
    """A worker of the same queue that has not."""
    with running_worker(settings, "--slots", "2") as worker:
        yield worker


def fence(job: Job[object]) -> int:
    """How often it was claimed."""
    return job.info().wait(5).fence


@pytest.mark.usefixtures("knowing", "lacking")
def test_a_name_that_one_worker_lacks_is_left_to_the_other() -> None:
    """Of jobs one after another none is claimed more than twice, most only once, and when they were due stays true."""
    fences = []
    for number in range(20):
        job = submit("greet", number).wait(5)
        assert job.wait(10) == f"hello {number}"
        record = job.info().wait(5)
        assert record.due_at == record.submitted_at
        fences.append(record.fence)
    assert (max(fences), sum(fences)) <= (2, 30)


@pytest.mark.usefixtures("knowing", "lacking")
def test_many_at_once_do_not_hold_up_others() -> None:
    """A hundred such jobs end well, and so do those that any worker can run, submitted after them."""
    group = submit_map("greet", range(100)).wait(10)
    others = submit_map(len, ["a"] * 10).wait(10)
    assert others.wait(20) == [1] * 10
    assert group.wait(20) == [f"hello {number}" for number in range(100)]
    assert max(map(fence, group)) <= 2


def test_when_the_one_that_has_it_goes_the_job_fails(knowing: Worker, lacking: Worker) -> None:
    """What was left to a worker that is there no more is not waited for: nobody has the function."""
    first = submit("greet", "you").wait(5)
    assert first.wait(10) == "hello you"
    knowing.freeze()
    left = submit_map("greet", range(5)).wait(5)
    wait_until(lambda: any(info.reason == "limited" for info in (job.info().wait(5) for job in left)))
    knowing.kill()
    errors = left.results(return_errors=True).wait(20)
    assert {(type(error), error.error_type) for error in errors} == {(JobFailed, "UnknownFunction")}
    assert lacking.engines()


@pytest.mark.usefixtures("lacking")
def test_code_that_one_worker_refuses_is_left_to_the_other(settings: Settings, tmp_path: Path) -> None:
    """A worker of registered functions leaves those that travel to one that takes them."""
    (tmp_path / "lack_tasks.py").write_text(TASKS, encoding="utf-8")
    with running_worker(settings, "lack_tasks", "--only-registered", modules=[tmp_path]):
        for number in range(5):
            job = submit(abs, -number).wait(5)
            assert (job.wait(10), fence(job) <= 2) == (number, True)


@pytest.mark.usefixtures("knowing", "lacking")
def test_a_call_by_hand_finds_the_worker_that_has_it(settings: Settings) -> None:
    """Plain JSON without a key has no other fate."""
    queue = nbqueue.Queue("default")
    assert settings.url is not None
    with redis.Redis(unix_socket_path=settings.url.removeprefix("unix://")) as client:
        for number in range(5):
            client.set(f"arq:job:hand-{number}", json.dumps({"function": "greet", "args": [number], "kwargs": {}}))
            client.zadd("arq:queue:default", {f"hand-{number}": 1})
        wait_until(lambda: queue.stats().wait(5).ended.get(nbqueue.State.SUCCEEDED) == 5, 20)


def test_what_is_left_to_others_is_asked_for_again() -> None:
    """It is known for a while, by queue, and then no longer."""
    now = [0.0]
    lacking = Lacking(lambda: now[0])
    assert not lacking.of("default")
    lacking.leave("default", "name:f", ["e1"])
    now[0] = LEFT_S - 0.1
    lacking.leave("default", "code", ["e2"])
    assert lacking.of("default") == {"name:f": ("e1",), "code": ("e2",)}
    assert (lacking.is_left("default", "name:f"), lacking.is_left("other", "name:f")) == (True, False)
    now[0] = LEFT_S
    assert lacking.of("default") == {"code": ("e2",)}
    now[0] = 2 * LEFT_S
    assert not lacking.of("default")
