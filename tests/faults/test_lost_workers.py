"""Workers and parts of workers that are killed under a job: it runs again soon, once at a time, uncharged."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from nbqueue.client.queue import Queue
from nbqueue.client.submitter import submit
from nbqueue.display import view
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, lives, running_worker, start_worker, wait_gone

#: twice what is promised: the machine of a test has other work
ELSEWHERE_S = 2 * 5.0
HERE_S = 2 * 1.5
GONE_S = 2 * 1.0


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


def test_a_job_of_a_lost_machine_runs_on_another_within_seconds(
    module_server: Server, module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """A machine that vanishes under a job costs it no try: another one runs it within 5 s, and its card says why."""
    with running_worker(module_settings, "--slots", "1", machine="one") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        live = job.live()
        with running_worker(module_settings, "--slots", "1", machine="two"):
            killed_at = time.monotonic()
            first.kill()
            again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
            measure("elsewhere", again.at - killed_at, within_s=ELSEWHERE_S)
            note = "its worker was lost, runs again"
            wait_until(lambda: note in view.of_job(live.record, now=datetime.now(UTC)).notes)
            gate.touch()
            assert job.wait(10) == "job"
        live.close()
    info = job.info().wait(5)
    assert (info.state, info.tries, info.losses, info.fence) == (State.SUCCEEDED, 1, 1, 2)
    with module_server.client() as client:
        assert facts.attempts(client, job.id) == [(1, "lost"), (2, "succeeded")]
        assert facts.ends(client)[job.id] == ["succeeded"]
    assert [line.word for line in ledger.lines()] == ["begin", "begin", "end"]


def test_a_job_of_a_killed_worker_runs_on_its_neighbour_at_once(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """Who shares the machine sees a dead worker's process gone, and does not wait for its lease to end."""
    with running_worker(module_settings, "--slots", "1") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        with running_worker(module_settings, "--slots", "1"):
            killed_at = time.monotonic()
            first.kill()
            again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
            gate.touch()
            assert job.wait(10) == "job"
    measure("here", again.at - killed_at, within_s=HERE_S)


def test_the_last_worker_is_listed_no_longer_than_its_lease(module_settings: Settings) -> None:
    """Where nobody is left to give its jobs back, a worker that was killed is not taken for one that serves."""
    with running_worker(module_settings) as only:
        workers = Queue().workers
        wait_until(lambda: workers().wait(5))
        only.kill()
        wait_until(lambda: not workers().wait(5), timeout_s=ELSEWHERE_S)


def test_a_killed_engine_is_replaced_and_its_job_runs_again(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """The supervisor starts another engine; the old run's process is gone before the new one begins."""
    with running_worker(module_settings, "--slots", "1") as worker:
        # an engine that dies young is suspected of dying again at once
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        old = psutil.Process(ledger.wait("begin")[0].pid)
        engine = psutil.Process(worker.engine())
        wait_until(lambda: time.time() - engine.create_time() > 5.5, 10)
        killed_at = time.monotonic()
        engine.kill()
        wait_gone([old], GONE_S)
        measure("child gone", time.monotonic() - killed_at, within_s=GONE_S)
        again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
        gate.touch()
        assert job.wait(10) == "job"
    info = job.info().wait(5)
    measure("here", again.at - killed_at, within_s=HERE_S)
    assert (info.tries, info.losses, info.fence) == (1, 1, 2)


def test_a_restarted_worker_takes_its_old_jobs_at_once(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """A worker that is killed and started again, by a service manager say, finds the machine's dead engines itself."""
    with running_worker(module_settings, "--slots", "1") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        old = psutil.Process(ledger.wait("begin")[0].pid)
        first.kill()
    killed_at = time.monotonic()
    second = start_worker(module_settings, "--slots", "1")
    try:
        again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
        gate.touch()
        assert job.wait(10) == "job"
    finally:
        second.kill()
    assert not lives(old)
    measure("here", again.at - killed_at, within_s=HERE_S)


def test_all_of_a_worker_dies_with_its_supervisor(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """No engine and no child outlives a supervisor that is killed alone, so nothing runs beside its second run."""
    with running_worker(module_settings, "--slots", "1") as worker:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        family = worker.family()
        killed_at = time.monotonic()
        worker.process.kill()
        worker.process.wait(5)
        wait_gone(family)
        measure("all gone", time.monotonic() - killed_at, within_s=GONE_S)
    assert job.state().wait(5) is State.RUNNING  # nobody is there who could say otherwise
