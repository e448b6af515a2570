"""Large arguments of jobs that jobs submit travel once too, and none stays behind: by the server's own counters."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
import redis

import nbqueue
from nbqueue import JobCrashed, JobFailed, submit
from nbqueue.client.draft import Draft
from nbqueue.client.inner import InnerLink
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.executor import Executor
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import wait_until
from tests.worker.test_shared_arguments import blobs, column, going, traffic
from tests.workers import running_worker

JOBS = 20
#: how a job hands the same array to its jobs
WAYS = ("map", "one by one", "executor")


@pytest.fixture(autouse=True)
def _worker(settings: Settings) -> Iterator[None]:
    """This process submits to a worker with two slots."""
    configure(settings)
    with running_worker(settings, "--slots", "2"):
        yield
    shutdown()


def array(seed: int) -> Any:
    """Nearly a megabyte, made where it is used."""
    return np.random.default_rng(seed).random((1797, 64))


def columns(way: str) -> list[float]:
    """Sums of columns, each by a job of its own."""
    data, numbers = array(WAYS.index(way)), range(JOBS)
    if way == "map":
        return list(nbqueue.submit_map(partial(column, data), numbers).wait().wait())
    if way == "one by one":
        return [job.wait() for job in [submit(column, data, number).wait() for number in numbers]]
    with Executor() as executor:
        return list(executor.map(column, [data] * JOBS, numbers))


def test_what_jobs_of_a_job_share_is_sent_once(server: Server) -> None:
    """Twenty jobs that take 0.9 MB each send less than 2 MB, and the worker reads less, however a job submits them."""
    with server.client() as client:
        for seed, way in enumerate(WAYS):
            before = traffic(client)
            found = submit(columns, way).wait(20).wait(60)
            sent, read = (later - earlier for earlier, later in zip(before, traffic(client), strict=True))
            assert found == [column(array(seed), number) for number in range(JOBS)]
            assert (sent < 2_000_000, read < 2_000_000) == (True, True), f"{way}: {sent:,} sent, {read:,} read"
        assert going(client)


@contextmanager
def lost_before_the_submit(path: str) -> Iterator[list[int]]:
    """The server lets what was sent ahead go once, before a submit in this process; gives how many were accepted."""
    accepted: list[int] = []
    as_it_is = InnerLink._submitted

    async def submitted(link: InnerLink, drafts: Sequence[Draft]) -> list[str]:
        if not accepted:
            with redis.Redis(unix_socket_path=path) as client:
                client.delete(*client.keys("nbq:blob:*"))
        states = await as_it_is(link, drafts)
        accepted.append(len(states))
        return states

    InnerLink._submitted = submitted  # type: ignore[method-assign,assignment]
    try:
        yield accepted
    finally:
        InnerLink._submitted = as_it_is  # type: ignore[method-assign]


def test_what_goes_before_the_submit_comes_is_sent_again(server: Server) -> None:
    """A submit in a job heals, of one job and of many: those that were accepted are not submitted twice."""

    def one(path: str) -> tuple[list[int], float]:
        with lost_before_the_submit(path) as accepted:
            return accepted, submit(column, array(5), 3).wait().wait()

    def many(path: str) -> tuple[list[int], str]:
        # more than the engine sends at once, the last of them with a large argument
        items = [bytes(1_000)] * 900 + [array(6)]
        with lost_before_the_submit(path) as accepted:
            return accepted, nbqueue.options(delay=300).submit_map(len, items).wait().id

    assert submit(one, str(server.path)).wait(20).wait(30) == ([0, 1], column(array(5), 3))
    accepted, group = submit(many, str(server.path)).wait(20).wait(30)
    with server.client() as client:
        assert (len(accepted), sum(accepted), 0 < accepted[0] < 901) == (2, 901, True)
        assert client.hgetall(f"nbq:group:{group}") == {b"total": b"901", b"left": b"901", b"scheduled": b"901"}


def test_a_killed_job_leaves_none_behind(server: Server) -> None:
    """Jobs that a job submitted before it was killed have their large arguments, which go with the last of them."""

    def killed() -> None:
        data = array(0)
        for number in range(3):
            nbqueue.options(job_id=f"left-{number}", delay=1).submit(column, data, number).wait()
        os.kill(os.getpid(), signal.SIGKILL)

    with server.client() as client:
        with pytest.raises(JobCrashed):
            submit(killed).wait(20).wait(30)
        found = [nbqueue.attach(f"left-{number}").wait(10).wait(30) for number in range(3)]
        assert found == [column(array(0), number) for number in range(3)]
        wait_until(lambda: going(client))


def test_what_failed_inside_is_retried_inside(server: Server) -> None:
    """The server still has the large arguments; where it lost them, a job that has only the id is told so."""

    def fails(data: Any) -> None:
        raise ValueError(len(data))

    def again(job_id: str) -> str:
        try:
            return str(nbqueue.attach(job_id).wait().retry().wait().wait())
        except nbqueue.JobError as error:
            return str(error)

    job = submit(fails, array(0)).wait(20)
    with pytest.raises(JobFailed, match="1797"):
        job.wait(30)
    with server.client() as client:
        before, _ = traffic(client)
        assert "1797" in submit(again, job.id).wait(20).wait(30)
        assert traffic(client)[0] - before < 100_000
        assert blobs(client) == 1
        client.delete(*client.keys("nbq:blob:*"))
        told = f"Job {job.id} cannot be retried: a large part of its arguments is kept no longer. Submit it again."
        assert submit(again, job.id).wait(20).wait(30) == told
