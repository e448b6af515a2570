"""Time limits and cancels: code of every kind is really gone, in time, and nothing else is."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbqueue.client.handle import Job
from nbqueue.client.submitter import options, submit
from nbqueue.errors import JobCancelled, JobLost, JobTimeout
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.servers import Server
from tests.workers import Ledger, Worker, running_worker, wait_gone

#: what is promised, twice
LEASE_GAP_S = 2 * 1.5
NEIGHBOUR_S = 2 * 0.5
CANCEL_S = 2 * 1.0
#: code that resists SIGTERM, or cannot notice it, is killed after 2 s
KILL_S = 2 * 2.0
AT_ONCE_S = 2 * 0.2


@pytest.fixture(scope="module")
def worker(module_settings: Settings) -> Iterator[Worker]:
    """A worker for all of these tests: none of them may cost it its engine."""
    with running_worker(module_settings, "--slots", "2") as worker:
        engine = worker.engine()
        yield worker
        assert worker.engines() == [engine]


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


@pytest.fixture
def heartbeat(worker: Worker, module_server: Server, measure: Measure) -> Iterator[None]:
    """Watches the lease of the engine meanwhile: it must be renewed all the time."""
    (engine,) = worker.engine_ids()
    with _lease_watched(module_server, engine) as left:
        yield
    measure("longest heartbeat gap", 4.0 - min(left), within_s=LEASE_GAP_S)


@pytest.mark.usefixtures("heartbeat")
def test_a_time_limit_ends_python_that_never_gives_way(ledger: Ledger, measure: Measure) -> None:
    """A loop of 8 s with a limit of 3 s ends at 3 s, is really gone, and keeps nobody waiting meanwhile."""
    job = options(timeout=3).submit(bodies.count_for, str(ledger.path), "job", 8.0).wait(5)
    (begun,) = ledger.wait("begin")
    process = psutil.Process(begun.pid)
    asked_at = time.monotonic()
    submit(bodies.quick, str(ledger.path), "neighbour").wait(5).wait(10)
    measure("neighbour starts", ledger.lines("ran")[0].at - asked_at, within_s=NEIGHBOUR_S)
    with pytest.raises(JobTimeout, match="time limit of 3 s"):
        job.wait(20)
    took_s = time.monotonic() - begun.at
    measure("too late", took_s - 3.0, within_s=2 * 0.5)
    measure("too early", 3.0 - took_s, within_s=2 * 0.5)
    wait_gone([process])
    assert (ledger.lines("end"), job.state().wait(5)) == ([], State.TIMED_OUT)
    assert ledger.lines("alive")[-1].at <= begun.at + took_s


@pytest.mark.usefixtures("heartbeat")
@pytest.mark.parametrize(
    ("body", "within_s"),
    [
        pytest.param(bodies.count_for, CANCEL_S, id="python"),
        pytest.param(bodies.until_told, CANCEL_S, id="sleep"),
        pytest.param(bodies.regex, KILL_S, id="regex"),
        pytest.param(bodies.big_power, KILL_S, id="big-power"),
        pytest.param(bodies.stubborn, KILL_S, id="ignores-signals"),
        pytest.param(bodies.in_thread, KILL_S, id="waits-for-thread"),
    ],
)
def test_a_cancel_ends_code_that_runs_in_a_process(
    ledger: Ledger, measure: Measure, body: Callable[..., Any], within_s: float
) -> None:
    """Python ends within 1 s of its cancel, C code that holds the interpreter at 2 s; only then is it `cancelled`."""
    job = submit(body, str(ledger.path), "job", **_more(body, ledger)).wait(5)
    (begun,) = ledger.wait("begin")
    process = psutil.Process(begun.pid)
    asked_at = time.monotonic()
    assert job.cancel().wait(10) == "cancelled"
    measure("cancelled", time.monotonic() - asked_at, within_s=within_s)
    assert _is_still(ledger, process)
    with pytest.raises(JobCancelled):
        job.wait(5)
    asked_at = time.monotonic()
    submit(bodies.quick, str(ledger.path), "next").wait(5).wait(10)
    measure("next starts", ledger.lines("ran", "next")[0].at - asked_at, within_s=NEIGHBOUR_S)


@pytest.mark.usefixtures("heartbeat")
def test_a_cancel_ends_a_coroutine(ledger: Ledger, gate: Path, measure: Measure) -> None:
    """A coroutine is cancelled within 1 s, its neighbours in the loop go on."""
    neighbour = submit(bodies.until_told_async, str(ledger.path), "neighbour", str(gate)).wait(5)
    job = submit(bodies.until_told_async, str(ledger.path), "job", str(gate)).wait(5)
    ledger.wait("begin", times=2)
    asked_at = time.monotonic()
    assert job.cancel().wait(10) == "cancelled"
    measure("cancelled", time.monotonic() - asked_at, within_s=CANCEL_S)
    gate.touch()
    assert neighbour.wait(10) == "neighbour"
    assert [line.name for line in ledger.lines("begin")] == ["neighbour", "job"]


@pytest.mark.usefixtures("heartbeat")
def test_a_coroutine_that_swallows_its_cancel_is_killed(ledger: Ledger, gate: Path, measure: Measure) -> None:
    """What catches its cancellation dies with its process after 2 s; its neighbour in there runs again, uncharged."""
    neighbour = submit(bodies.until_told_async, str(ledger.path), "neighbour", str(gate)).wait(5)
    job = submit(bodies.swallowing, str(ledger.path), "job").wait(5)
    ledger.wait("begin", times=2)
    asked_at = time.monotonic()
    assert job.cancel().wait(10) == "cancelled"
    measure("cancelled", time.monotonic() - asked_at, within_s=KILL_S)
    ledger.wait("begin", "neighbour", times=2)
    gate.touch()
    assert neighbour.wait(10) == "neighbour"
    info = neighbour.info().wait(5)
    assert (info.state, info.tries, info.crashes, info.losses) == (State.SUCCEEDED, 1, 0, 0)


def test_a_cancel_before_the_start_is_immediate(worker: Worker, ledger: Ledger, gate: Path, measure: Measure) -> None:
    """Queued with no worker, behind a full worker or deferred: cancelled within 0.2 s, and it never runs."""
    del worker
    full = [submit(bodies.until_told, str(ledger.path), f"full-{n}", str(gate)).wait(5) for n in range(2)]
    ledger.wait("begin", times=2)
    waiting: dict[str, Job[str]] = {
        "no worker": options(queue="nobody").submit(bodies.quick, str(ledger.path), "a").wait(5),
        "full worker": submit(bodies.quick, str(ledger.path), "b").wait(5),
        "deferred": options(delay=0.5).submit(bodies.quick, str(ledger.path), "c").wait(5),
    }
    for what, job in waiting.items():
        asked_at = time.monotonic()
        assert job.cancel().wait(10) == "cancelled"
        measure(what, time.monotonic() - asked_at, within_s=AT_ONCE_S)
        with pytest.raises(JobCancelled):
            job.wait(5)
    gate.touch()
    assert [job.wait(10) for job in full] == ["full-0", "full-1"]
    after = options(delay=0.6).submit(bodies.quick, str(ledger.path), "after").wait(5)
    assert after.wait(10) == "after"
    assert [line.name for line in ledger.lines("ran")] == ["after"]


def test_cancelling_what_has_ended_or_never_was(worker: Worker, ledger: Ledger) -> None:
    """A finished job stays what it is and the answer says so; an unknown id is an error that names it."""
    del worker
    job = submit(bodies.quick, str(ledger.path), "job").wait(5)
    assert job.wait(10) == "job"
    assert (job.cancel().wait(10), job.state().wait(5)) == ("already finished", State.SUCCEEDED)
    with pytest.raises(JobLost, match="never-submitted"):
        Job[str]("never-submitted").cancel().wait(10)


@pytest.mark.usefixtures("worker")
def test_cancelled_jobs_leave_nothing_behind(module_server: Server, ledger: Ledger, gate: Path) -> None:
    """Of a cancelled job remain a record, its call, a result and a log, which expire; nothing says that it runs."""
    running = submit(bodies.until_told, str(ledger.path), "running", str(gate)).wait(5)
    ledger.wait("begin")
    queued = options(queue="nobody").submit(bodies.quick, str(ledger.path), "queued").wait(5)
    assert {job.cancel().wait(10) for job in (running, queued)} == {"cancelled"}
    with module_server.client() as client:
        for job in (running, queued):
            left = [key.decode() for key in client.scan_iter(f"*{job.id}*")]
            keys = facts.KEYS
            allowed = {keys.record(job.id), keys.submission(job.id), keys.result(job.id), keys.log(job.id)}
            assert {facts.KEYS.record(job.id)} <= set(left) <= allowed
            assert all(client.ttl(key) > 0 for key in left)
        for key in client.scan_iter("*nbq:claims:*"):
            assert running.id.encode() not in client.hgetall(key)
        for key in client.scan_iter("*nbq:stops:*"):
            assert running.id.encode() not in client.hgetall(key)


def _more(body: Callable[..., Any], ledger: Ledger) -> dict[str, Any]:
    if body is bodies.count_for:
        return {"seconds": 60.0}
    return {"gate": str(ledger.path.with_name("gate"))} if body is bodies.until_told else {}


def _is_still(ledger: Ledger, process: psutil.Process) -> bool:
    """Whether the job's code has ended: its process is gone, or idle by now."""
    told = len(ledger.lines("alive"))
    try:
        share = process.cpu_percent(interval=0.15)
    except psutil.NoSuchProcess:
        share = 0.0
    return share < 50.0 and len(ledger.lines("alive")) == told


@contextmanager
def _lease_watched(server: Server, engine: str) -> Iterator[list[float]]:
    """The seconds an engine's lease had left, looked at all the time by another thread."""
    left: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with server.client() as client:
            while not over.is_set():
                left.append(facts.lease_left_s(client, engine))
                over.wait(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield left
    finally:
        over.set()
        thread.join()
