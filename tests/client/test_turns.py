"""Submits that nobody waits for one by one: they arrive in the order of their calls."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.pending import Pending
from nbqueue.client.queue import Queue
from nbqueue.client.session import configure
from nbqueue.client.submission import draft_one
from nbqueue.client.submit_line import is_light
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.errors import BrokerUnavailable, ConfigurationError, QueueClosed
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import SLACK
from tests.workers import running_worker

#: from how many bytes on pieces of calls are stored apart, in the test of the order
BLOB_BYTES = 1_200_000
#: larger than that
CUT_BYTES = 1_300_000
#: smaller, and larger than what is sent with others in one round trip
SENT_ALONE_BYTES = 1_100_000


def write_down(path: Path, number: int, ballast: bytes = b"") -> None:
    """Write down that it began."""
    del ballast
    with path.open("a") as file:
        file.write(f"{number}\n")


def _ballast(number: int) -> bytes:
    """Large for some, and for some not quite."""
    sizes = {3: CUT_BYTES, 5: SENT_ALONE_BYTES}
    return number.to_bytes(4) * (sizes.get(number % 50, 0) // 4)


def test_jobs_start_in_the_order_of_their_submits(settings: Settings, tmp_path: Path) -> None:
    """Two hundred that were not awaited, some with large arguments, as well as a map and one that waits for a job."""
    path = tmp_path / "starts"
    configure(replace(settings, blob_bytes=BLOB_BYTES))
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


def test_large_ones_are_sent_by_themselves(settings: Settings, tmp_path: Path) -> None:
    """Those of which a piece is stored apart, and those that are large without."""
    cutting = replace(settings, blob_bytes=BLOB_BYTES)
    drafts = [
        draft_one(cutting, write_down, (tmp_path, each, _ballast(each)), {}, {}, sharing=True) for each in (3, 5, 7)
    ]
    assert [(is_light(each), bool(each.blobs)) for each in drafts] == [(False, True), (False, False), (True, False)]


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


def test_what_a_drained_queue_refuses_is_sent_twice_at_most(server: Server) -> None:
    """Once with others and once by itself, to be told why; those behind it do not send it again."""
    Queue("shut").drain().wait()
    with server.client() as client:
        before = _scripts_called(client)
        under_way = [options(queue="shut").submit(abs, number) for number in range(300)]
        for pending in under_way:
            with pytest.raises(QueueClosed, match="takes no more jobs"):
                pending.wait()
        assert _scripts_called(client) - before < 2 * 300 + 50


def test_those_beside_one_that_is_refused_are_accepted_once(server: Server) -> None:
    """None of them finds its own job there already, and a map waits behind one that fails."""
    with server.client() as client:
        before = _scripts_called(client)
        under_way = [options(**_late(number)).submit(abs, number) for number in range(50)]
        group = submit_map(abs, range(10))
        last = options(**_late(0)).submit(abs, 0)
        told = [_answer(pending) for pending in under_way]
        found = (len(group.wait()), _answer(last), _scripts_called(client) - before < 2 * 50)
    assert told == ["refused" if _late(number) else "new" for number in range(50)]
    assert found == (10, "refused", True)
    assert Queue().stats().wait().queued == 50


def _late(number: int) -> dict[str, Any]:
    """Options of every fifth, which the server refuses: it could only start when it has expired."""
    return {} if number % 5 else {"at": datetime.now(UTC) + timedelta(hours=1), "expires": 60}


def _answer(pending: Pending[nbqueue.Job[int]]) -> str:
    try:
        return "existed" if pending.wait().existed else "new"
    except ConfigurationError:
        return "refused"


def _scripts_called(client: Any) -> int:
    return int(client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])
