"""Submits that nobody waits for one by one: they arrive in the order of their calls."""

import time
from pathlib import Path

import pytest

import nbqueue
from nbqueue.client.session import configure
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.errors import BrokerUnavailable
from nbqueue.model.settings import Settings
from tests.waiting import SLACK
from tests.workers import running_worker

#: larger than what is stored apart from a call
LARGE_BYTES = 150_000
#: larger than what is sent with others in one round trip
SENT_ALONE_BYTES = 70_000


def write_down(path: Path, number: int, ballast: bytes = b"") -> None:
    """Write down that it began."""
    del ballast
    with path.open("a") as file:
        file.write(f"{number}\n")


def _ballast(number: int) -> bytes:
    """Large for some, and for some not quite."""
    sizes = {3: LARGE_BYTES, 5: SENT_ALONE_BYTES}
    return number.to_bytes(4) * (sizes.get(number % 20, 0) // 4)


def test_jobs_start_in_the_order_of_their_submits(settings: Settings, tmp_path: Path) -> None:
    """Two hundred that were not awaited, some with large arguments, as well as a map and one that waits for a job."""
    path = tmp_path / "starts"
    first = submit(write_down, path, -1).wait()
    under_way = [submit(write_down, path, number, _ballast(number)) for number in range(200)]
    group = submit_map(write_down, [path] * 20, range(200, 220))
    last = submit(write_down, path, 220)
    with running_worker(settings, "--slots", "1"):
        for pending in under_way:
            pending.wait().wait(60 * SLACK)
        group.wait().wait(60 * SLACK)
        last.wait().wait(60 * SLACK)
        assert first.wait() is None
    assert [int(line) for line in path.read_text().split()] == list(range(-1, 221))


def test_submits_to_different_queues_have_their_own_answers() -> None:
    """Each job is known by its own answer, also where many went together in one round trip."""
    queues = [options(queue=name) for name in ("a", "b", "c")]
    under_way = [queues[number % 3].submit(abs, number) for number in range(60)]
    jobs = [pending.wait() for pending in under_way]
    assert [job.queue for job in jobs] == ["a", "b", "c"] * 20
    assert [job.existed for job in jobs] == [False] * 60
    assert {job.state().wait() for job in jobs} == {nbqueue.State.QUEUED}


def test_an_id_that_is_known_is_told_among_others() -> None:
    """The second submit of an id gives the first's job, though both went together."""
    under_way = [options(job_id=f"job-{number % 5}").submit(abs, number) for number in range(10)]
    jobs = [pending.wait() for pending in under_way]
    assert [job.id for job in jobs] == [f"job-{number % 5}" for number in range(10)]
    assert [job.existed for job in jobs] == [False] * 5 + [True] * 5


def test_without_a_server_all_are_told_so_in_the_time_of_a_few(home: Path, tmp_path: Path) -> None:
    """Those that wait for their turns do not try one after another."""
    configure(Settings(url=f"unix://{tmp_path}/nobody.sock", home=home, connect_timeout_s=0.5))
    begun = time.monotonic()
    under_way = [submit(write_down, tmp_path, number, _ballast(number)) for number in range(100)]
    for pending in under_way:
        with pytest.raises(BrokerUnavailable, match=r"nobody\.sock"):
            pending.wait()
    assert time.monotonic() - begun < 5 * SLACK
