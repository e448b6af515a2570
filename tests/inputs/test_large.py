"""Arguments and results of 100 MB and over the limit: others go on meanwhile, and what is too large is said at once."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue import JobFailed, PayloadTooLarge, options, run, submit, submit_map
from nbqueue.model.options import RunIn
from nbqueue.model.settings import Settings
from tests.attacks.store import Store
from tests.servers import Server
from tests.waiting import SLACK, wait_until
from tests.workers import Worker

pytestmark = pytest.mark.usefixtures("client", "unharmed")

LARGE = 99_000_000
#: twice what is promised: the machine of a test has other work
PING_S = 2 * 0.2
REFUSED_S = 2 * 0.5
STANDSTILL_S = 1.5


def longest_wait(server: Server, act: Callable[[], object]) -> float:
    """The longest wait of another process that asks for a sign of life all the time while something is done."""
    command = [sys.executable, str(Path(__file__).with_name("pinger.py")), str(server.path)]
    pinger = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert pinger.stdout is not None
        assert pinger.stdout.readline() == "ready\n"
        act()
        return float(pinger.communicate(timeout=10)[0])
    finally:
        pinger.kill()
        pinger.wait(5)


def make(size: int) -> bytes:
    """So many bytes."""
    return b"x" * size


@pytest.mark.filterwarnings("ignore:.*takes 99.0 MB")
def test_a_large_argument_travels(module_server: Server) -> None:
    """100 MB on their way to a job arrive, and others wait for the server at most 200 ms."""
    data = make(LARGE)

    def there() -> None:
        assert submit(len, data).wait(20).wait(30) == LARGE

    assert statistics.median(longest_wait(module_server, there) for _ in range(3)) <= PING_S * SLACK


def test_a_large_result_travels(module_server: Server) -> None:
    """100 MB on their way back; other jobs of the same worker and client go on meanwhile."""

    def back() -> None:
        result = submit(make, LARGE).wait(20)
        assert [run(len, "abc").wait(10) for _ in range(20)] == [3] * 20
        assert len(result.wait(60)) == LARGE

    assert statistics.median(longest_wait(module_server, back) for _ in range(3)) <= PING_S * SLACK


def test_the_engine_shows_life_while_large_records_pass(worker: Worker) -> None:
    """Its loop does not stand still: a coroutine in it that looks each 10 ms is never held up for long."""
    watch = submit("longest_gap", 6.0).wait(5)
    with pytest.warns(UserWarning, match=r"takes 99.0 MB"):
        there = submit(len, make(LARGE)).wait(20)
    back = submit(make, LARGE).wait(20)
    wait_until(lambda: there.state().wait(10).is_final and back.state().wait(10).is_final, 30)
    assert watch.wait(20) <= STANDSTILL_S * SLACK
    assert worker.log.count("was silent") == 0


def refusal(act: Callable[[], object]) -> tuple[PayloadTooLarge, float]:
    """The error, and the seconds it took."""
    began = time.monotonic()
    with pytest.raises(PayloadTooLarge) as caught:
        act()
    return caught.value, time.monotonic() - began


@pytest.mark.parametrize("how", ["submit", "map", "name"])
def test_an_argument_over_the_limit_is_refused_at_once(client: Settings, store: Store, how: str) -> None:
    """Half a second after the call the caller knows size, limit and what to do; nothing was sent."""
    del client
    before = store.client.dbsize()
    data = make(101_000_000)
    ways: dict[str, Callable[[], object]] = {
        "submit": lambda: submit(len, data), "map": lambda: submit_map(len, [data]),
        "name": lambda: submit("greet", data),
    }  # fmt: skip
    refused = [refusal(ways[how]) for _ in range(3)]
    assert statistics.median(took_s for _, took_s in refused) < REFUSED_S * SLACK
    error = refused[0][0]
    assert "101.0 MB, over the limit of 100.0 MB (NBQUEUE_LIMIT_BYTES): pass the path of a file" in str(error)
    assert (error.size_bytes > 101_000_000, error.limit_bytes) == (True, 100_000_000)
    assert store.client.dbsize() <= before + 1


@pytest.mark.parametrize("run_in", ["process", "async", "thread"])
def test_a_result_over_the_limit_fails_its_job(worker: Worker, run_in: RunIn) -> None:
    """It says the size, the limit and the setting, is not tried again, and the next job runs in the same engine."""
    before = worker.engine_ids()
    function = make_async if run_in == "async" else make
    job = options(run_in=run_in, retry=3).submit(function, 101_000_000).wait(10)
    told = r"result is 101\.0 MB, and 100\.0 MB are allowed.*NBQUEUE_LIMIT_BYTES"
    with pytest.raises(JobFailed, match=told) as caught:
        job.wait(20)
    assert caught.value.error_type == "PayloadTooLarge"
    assert isinstance(caught.value.__cause__, PayloadTooLarge)
    assert job.info().wait(5).tries == 1
    assert run(len, "abc").wait(10) == 3
    assert worker.engine_ids() == before


def test_a_result_over_the_limit_in_the_engine_fails_its_job(worker: Worker) -> None:
    """The same for a registered coroutine, which runs in the engine itself."""
    before = worker.engine_ids()
    with pytest.raises(JobFailed, match="NBQUEUE_LIMIT_BYTES"):
        run("large_async", 101_000_000).wait(20)
    assert run(len, "abc").wait(10) == 3
    assert worker.engine_ids() == before


async def make_async(size: int) -> bytes:
    """So many bytes, from a coroutine."""
    return b"x" * size
