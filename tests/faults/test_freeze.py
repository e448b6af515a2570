"""Processes and machines that stand still for a while: one recorded result, nothing beside itself, no time charged."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue.client.submitter import options, submit
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.stores import last
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, Line, Worker, running_worker

#: longer than a lease, and than all that waits for an answer
FROZEN_S = 18.0
#: a lease, and the look after it
LOST_S = 2 * 5.0


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


@pytest.mark.slow
def test_a_frozen_worker_cannot_finish_what_was_given_to_another(
    module_server: Server, module_settings: Settings, ledger: Ledger, gate: Path
) -> None:
    """A worker that stood still for 18 s finds its claim stale: its result is refused, and the log says so."""
    with running_worker(module_settings, "--slots", "1", machine="one") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        with running_worker(module_settings, "--slots", "1", machine="two"):
            first.freeze()
            frozen_at = time.monotonic()
            ledger.wait("begin", times=2, timeout_s=LOST_S)
            gate.touch()
            assert job.wait(10) == "job"
            last(FROZEN_S - (time.monotonic() - frozen_at))
            first.thaw()
            wait_until(lambda: f"Job '{job.id}' is held here no longer" in first.log, 10)
            again = submit(bodies.quick, str(ledger.path), "next").wait(5)
            assert again.wait(10) == "next"
        assert first.process.poll() is None
    with module_server.client() as client:
        assert facts.ends(client)[job.id] == ["succeeded"]
        assert [state for _, state in facts.attempts(client, job.id)] == ["lost", "succeeded"]
    assert Counter(line.word for line in ledger.lines(name="job"))["begin"] == 2


@pytest.mark.slow
def test_a_thawed_worker_never_runs_a_job_beside_itself(module_settings: Settings, ledger: Ledger, gate: Path) -> None:
    """A worker that gets back the job it lost while it stood still stops the old run before the new one begins."""
    with running_worker(module_settings, "--slots", "2", machine="one") as first:
        jobs = [
            submit(bodies.ticking, str(ledger.path), "process", str(gate)).wait(5),
            submit(bodies.ticking_async, str(ledger.path), "coroutine", str(gate)).wait(5),
        ]
        wait_until(lambda: len(_runs(ledger)) == 2)
        # it serves another queue: it sees that a lease has ended, and takes none of the jobs
        with running_worker(module_settings, "--queues", "other", machine="two"):
            first.freeze()
            wait_until(lambda: {job.state().wait(5) for job in jobs} == {State.QUEUED}, LOST_S)
            first.thaw()
            wait_until(lambda: len(_runs(ledger)) == 4, 20)
            # as long as a run that goes on beside another would be left alone
            last(4.0)
            gate.touch()
            assert {job.wait(10) for job in jobs} == {"process", "coroutine"}
    infos = [job.info().wait(5) for job in jobs]
    assert {(info.state, info.tries, info.losses) for info in infos} == {(State.SUCCEEDED, 1, 1)}
    for name in ("process", "coroutine"):
        old, new = (lines for (of, _), lines in _runs(ledger).items() if of == name)
        assert old[-1].at < new[0].at


@pytest.mark.slow
def test_a_machine_that_slept_goes_on_where_it_was(
    module_server: Server, module_settings: Settings, ledger: Ledger, gate: Path
) -> None:
    """A laptop that slept longer than a lease wakes with server and two workers: nothing is taken from anybody."""
    with (
        running_worker(module_settings, "--slots", "1", "--concurrency", "1") as first,
        running_worker(module_settings, "--slots", "1", "--concurrency", "1") as second,
    ):
        jobs = [submit(bodies.until_told, str(ledger.path), f"{n}", str(gate)).wait(5) for n in range(2)]
        jobs += [submit(bodies.until_told_async, str(ledger.path), f"{n}", str(gate)).wait(5) for n in range(2, 4)]
        ledger.wait("begin", times=4)
        _sleep_together(module_server, [first, second])
        # by now everybody has renewed, looked for the dead, and reconciled
        last(6.0)
        gate.touch()
        assert [job.wait(10) for job in jobs] == ["0", "1", "2", "3"]
    assert Counter(line.word for line in ledger.lines()) == {"begin": 4, "end": 4}
    assert {(job.info().wait(5).losses, job.info().wait(5).fence) for job in jobs} == {(0, 1)}


def test_no_time_limit_runs_while_a_worker_stands_still(module_settings: Settings, ledger: Ledger, gate: Path) -> None:
    """The time that a frozen worker slept is not charged to its jobs' time limits."""
    with running_worker(module_settings, "--slots", "1") as worker:
        jobs = [
            options(timeout=4).submit(body, str(ledger.path), body.__name__, str(gate)).wait(5)
            for body in (bodies.until_told, bodies.until_told_async)
        ]
        ledger.wait("begin", times=2)
        worker.freeze()
        last(6.0)
        worker.thaw()
        gate.touch()
        assert [job.wait(10) for job in jobs] == ["until_told", "until_told_async"]
    assert Counter(line.word for line in ledger.lines()) == {"begin": 2, "end": 2}


def _sleep_together(server: Server, workers: list[Worker]) -> None:
    """All stand still for longer than a lease; the last to wake has half a second's delay."""
    for worker in workers:
        worker.freeze()
    os.kill(server.process.pid, signal.SIGSTOP)
    last(6.0)
    os.kill(server.process.pid, signal.SIGCONT)
    for worker in workers:
        worker.thaw()
        last(0.5)


def _runs(ledger: Ledger) -> dict[tuple[str, str], list[Line]]:
    """The signs of life of each run, in the order in which they began."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in ledger.lines():
        if line.word.startswith("run-"):
            found.setdefault((line.name, line.word), []).append(line)
    return found
