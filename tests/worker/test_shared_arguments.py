"""Large arguments travel once, whatever number of jobs takes them: seen by the server's own counters."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

import nbqueue
from nbqueue import Job, JobFailed, submit
from nbqueue.broker.bounds import BLOB_MS
from nbqueue.broker.keys import Keys
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Worker, running_worker

pytestmark = pytest.mark.usefixtures("session")

JOBS = 45
#: as large as the digits of scikit-learn: 45 of them take 41 MB
DATA = np.random.default_rng(1).random((1797, 64))


def column(data: Any, number: int) -> float:
    """The sum of a column."""
    return float(data[:, number % data.shape[1]].sum())


def refuses(data: Any, path: Path) -> int:
    """The number of bytes, once a file is there."""
    if not path.exists():
        raise FileNotFoundError(path)
    return int(data.nbytes)


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """A worker with two slots."""
    with running_worker(settings, "--slots", "2") as found:
        yield found


def traffic(client: redis.Redis) -> tuple[int, int]:
    """Bytes that the server has read and written so far."""
    stats: Any = client.info("stats")
    return stats["total_net_input_bytes"], stats["total_net_output_bytes"]


def kept(client: redis.Redis) -> list[Any]:
    """The pieces that the server keeps."""
    found: Any = client.keys("nbq:blob:*")
    return list(found)


def blobs(client: redis.Redis) -> int:
    """How many they are."""
    return len(kept(client))


def going(client: redis.Redis) -> bool:
    """Whether all that are left will be gone in a moment."""
    return all(int(str(client.pttl(key))) <= BLOB_MS for key in kept(client))


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", ["map", "one by one"])
def test_an_array_that_many_jobs_take_is_sent_once(server: Server, how: str) -> None:
    """Forty-five jobs that take 0.9 MB each send less than 2 MB, and the worker reads less than 2 MB."""
    with server.client() as client:
        before = traffic(client)
        if how == "map":
            found = nbqueue.submit_map(partial(column, DATA), range(JOBS)).wait(20).wait(60)
        else:
            jobs = [submit(column, DATA, number).wait(20) for number in range(JOBS)]
            found = [job.wait(30) for job in jobs]
        sent, read = (later - earlier for earlier, later in zip(before, traffic(client), strict=True))
        assert found == [column(DATA, number) for number in range(JOBS)]
        assert (sent < 2_000_000, read < 2_000_000) == (True, True), f"sent {sent:,} bytes, read {read:,} bytes"
        assert going(client)


def test_what_failed_is_retried_with_its_large_arguments(settings: Settings, server: Server, tmp_path: Path) -> None:
    """By its handle, by its id and from the shell's point of view: the server still has them, and counts them anew."""
    with running_worker(settings, "--slots", "1"), server.client() as client:
        job = submit(refuses, DATA, tmp_path / "there").wait(20)
        with pytest.raises(JobFailed, match="FileNotFoundError"):
            job.wait(30)
        assert blobs(client) == 1
        (tmp_path / "there").touch()
        before, _ = traffic(client)
        assert job.retry().wait(20).wait(30) == DATA.nbytes
        found: Job[Any] = nbqueue.attach(job.id).wait(10)
        assert found.retry().wait(20).wait(30) == DATA.nbytes
        assert traffic(client)[0] - before < 100_000
        # the handle sends again what the server has lost
        client.delete(*kept(client))
        assert job.retry().wait(20).wait(30) == DATA.nbytes


def test_a_retry_that_lacks_them_is_refused(settings: Settings, server: Server, tmp_path: Path) -> None:
    """Where neither the server nor the handle has them a sentence says so, and nothing is submitted."""
    with running_worker(settings, "--slots", "1"), server.client() as client:
        job = submit(refuses, DATA, tmp_path / "never").wait(20)
        with pytest.raises(JobFailed):
            job.wait(30)
        client.delete(*kept(client))
        known = client.dbsize()
        found: Job[Any] = nbqueue.attach(job.id).wait(10)
        with pytest.raises(nbqueue.JobError, match=f"Job {job.id} cannot be retried: a large part of its arguments"):
            found.retry().wait(20)
        assert client.dbsize() == known


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_what_the_server_lost_is_told(settings: Settings, server: Server, how: str) -> None:
    """A job whose arguments are not there, or not what was signed, fails in a sentence; its neighbours run."""
    job = submit(column, DATA, 1).wait(20)
    with server.client() as client:
        [key] = kept(client)
        if how == "gone":
            client.delete(key)
        else:
            client.setrange(key, 1000, b"evil")
        other = submit(column, DATA + 1, 1).wait(20)
        with running_worker(settings, "--slots", "1"):
            told = {"gone": "JobLost: A large part of the arguments of job", "changed": "TamperedPayload: A part of"}[
                how
            ]
            with pytest.raises(JobFailed, match=told):
                job.wait(30)
            assert other.wait(30) == column(DATA + 1, 1)
            # submitted again it is sent again
            assert submit(column, DATA, 1).wait(20).wait(30) == column(DATA, 1)


def test_a_killed_worker_loses_none(settings: Settings, server: Server) -> None:
    """The worker that takes a job over reads its arguments anew."""

    def slow(data: Any) -> float:
        nbqueue.progress(1, 2)
        time.sleep(0 if nbqueue.current_job().attempt > 1 else 60)  # type: ignore[union-attr]
        return float(data.sum())

    with running_worker(settings, "--slots", "1") as first:
        job = submit(slow, DATA).wait(20)
        wait_until(lambda: job.info().wait(5).progress.done == 1, 20)
        first.kill()
        with running_worker(settings, "--slots", "1"):
            assert job.wait(30) == float(DATA.sum())
    with server.client() as client:
        wait_until(lambda: going(client))


@pytest.mark.usefixtures("worker")
def test_a_search_reads_large_arguments(tmp_path: Path) -> None:
    """`args=` is asked about whole arguments, and frames show them."""
    jobs = [submit(refuses, data, tmp_path / "never").wait(20) for data in (DATA, DATA[:1000])]
    for job in jobs:
        with pytest.raises(JobFailed):
            job.wait(30)
    found = nbqueue.jobs.where(args=lambda data, _: len(data) == 1000).wait(20)
    assert [job.id for job in found] == [jobs[1].id]


def test_smaller_pieces_can_be_shared_or_larger_ones_alone(settings: Settings, server: Server) -> None:
    """The size from which pieces travel apart is a setting."""
    configure(Settings(url=settings.url, home=settings.home, blob_bytes="2MB"))  # type: ignore[arg-type]
    job = submit(column, DATA, 1).wait(20)
    with server.client() as client:
        assert (blobs(client), client.strlen(Keys().submission(job.id)) > DATA.nbytes) == (0, True)
    job.cancel().wait(10)
    with pytest.raises(nbqueue.ConfigurationError, match="blob_bytes=1000 cannot be used: give 65,536 bytes or more"):
        Settings(url=settings.url, home=settings.home, blob_bytes=1000)
