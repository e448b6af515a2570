"""Workers that are told to stop: what runs may finish, the rest goes back into the queue uncharged."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue.client.handle import Job
from nbqueue.client.submitter import submit
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, running_worker, wait_gone

#: what is promised, twice
DEAF_S = 2 * 0.2
HURRY_S = 2 * 2.0
#: SIGINT, SIGTERM after 1 s, SIGKILL after 2 s
LADDER_S = 2 * 2.0


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], settings: Settings) -> None:
    connected(settings)


def test_a_worker_that_is_told_to_stop_finishes_what_runs(
    settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """After SIGTERM nothing more is claimed, and the worker exits with 0 as soon as its jobs have ended."""
    with running_worker(settings, "--slots", "2") as worker:
        process = submit(bodies.until_told, str(ledger.path), "process", str(gate)).wait(5)
        coroutine = submit(bodies.until_told_async, str(ledger.path), "coroutine", str(gate)).wait(5)
        ledger.wait("begin", times=2)
        worker.signal(signal.SIGTERM)
        told_at = time.monotonic()
        wait_until(lambda: time.monotonic() - told_at > DEAF_S)
        late = [submit(bodies.quick, str(ledger.path), "late").wait(5) for _ in range(4)]
        assert worker.process.poll() is None
        gate.touch()
        opened_at = time.monotonic()
        assert worker.exit_code(20) == 0
        measure("exits", time.monotonic() - opened_at, within_s=2 * 1.0)
        assert (process.wait(5), coroutine.wait(5)) == ("process", "coroutine")
        assert {job.state().wait(5) for job in late} == {State.QUEUED}
    assert ledger.lines("ran") == []


def test_what_does_not_finish_in_time_goes_back_uncharged(
    server: Server, settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """When the time to finish is over, jobs are stopped and put back; another worker runs them then, not before."""
    with running_worker(settings, "--slots", "2", "--drain-timeout", "1", machine="one") as worker:
        jobs = _two_kinds(ledger, gate)
        with running_worker(settings, "--slots", "2", machine="two"):
            family = worker.family()
            worker.signal(signal.SIGTERM)
            told_at = time.monotonic()
            assert worker.exit_code(20) == 0
            measure("exits", time.monotonic() - told_at, within_s=1.0 + LADDER_S)
            wait_gone(family, 2.0)
            again = ledger.wait("begin", times=4)[2:]
            gate.touch()
            assert {job.wait(10) for job in jobs} == {"process", "coroutine"}
    assert min(line.at for line in again) - told_at >= 1.0
    _assert_uncharged(server, jobs)


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGHUP]])
def test_a_second_signal_hurries(  # noqa: PLR0917 - fixtures
    server: Server, settings: Settings, ledger: Ledger, gate: Path, measure: Measure, signals: list[signal.Signals]
) -> None:
    """Ctrl-C twice, SIGTERM twice or SIGHUP end a worker within 2 s; jobs are in the queue, children gone."""
    with running_worker(settings, "--slots", "2") as worker:
        jobs = _two_kinds(ledger, gate)
        family = worker.family()
        told_at = time.monotonic()
        for number in signals:
            worker.signal(number)
            wait_until(lambda number=number: signal.Signals(number).name in worker.log)  # type: ignore[misc]
        assert worker.exit_code(20) == 0
        measure("exits", time.monotonic() - told_at, within_s=HURRY_S)
        wait_gone(family, 2.0)
        assert {job.state().wait(5) for job in jobs} == {State.QUEUED}
    with running_worker(settings, "--slots", "2"):
        gate.touch()
        assert {job.wait(10) for job in jobs} == {"process", "coroutine"}
    _assert_uncharged(server, jobs)


def test_a_hurried_worker_leaves_even_from_a_job_that_resists(
    settings: Settings, ledger: Ledger, measure: Measure
) -> None:
    """A job that ignores every signal is killed, and is back in the queue when the worker has gone."""
    with running_worker(settings, "--slots", "1") as worker:
        job = submit(bodies.stubborn, str(ledger.path), "job").wait(5)
        ledger.wait("begin")
        family = worker.family()
        told_at = time.monotonic()
        worker.signal(signal.SIGHUP)
        assert worker.exit_code(20) == 0
        measure("exits", time.monotonic() - told_at, within_s=HURRY_S)
        wait_gone(family, 2.0)
    info = job.info().wait(5)
    assert (info.state, info.tries) == (State.QUEUED, 0)


def test_a_worker_stops_while_its_server_is_away(
    settings: Settings, server: Server, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """A worker that cannot reach its server still ends when it is told to twice."""
    with running_worker(settings, "--slots", "1") as worker:
        submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        server.process.send_signal(signal.SIGSTOP)
        try:
            told_at = time.monotonic()
            worker.signal(signal.SIGHUP)
            worker.exit_code(20)
            measure("exits", time.monotonic() - told_at, within_s=2 * HURRY_S)
        finally:
            server.process.send_signal(signal.SIGCONT)


def _two_kinds(ledger: Ledger, gate: Path) -> list[Job[str]]:
    """A job in a process and a coroutine, both under way."""
    jobs = [
        submit(bodies.until_told, str(ledger.path), "process", str(gate)).wait(5),
        submit(bodies.until_told_async, str(ledger.path), "coroutine", str(gate)).wait(5),
    ]
    ledger.wait("begin", times=2)
    return jobs


def _assert_uncharged(server: Server, jobs: list[Job[str]]) -> None:
    with server.client() as client:
        for job in jobs:
            info = job.info().wait(5)
            assert (info.tries, info.losses, info.crashes, info.fence) == (1, 0, 0, 2)
            assert facts.ends(client)[job.id] == ["succeeded"]
