"""Jobs that kill their own process, eat its memory or leave processes behind: the worker and its other jobs go on."""

import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from nbqueue.broker.envelope import peek
from nbqueue.client.submitter import options, submit
from nbqueue.errors import JobCrashed, JobFailed
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.servers import Server
from tests.workers import Ledger, Worker, running_worker, wait_gone


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
def bystander(worker: Worker, tmp_path: Path) -> Iterator[None]:
    """A job that runs beside what is tested, and must neither end nor begin again by it."""
    del worker
    own, gate = Ledger(tmp_path / "bystander"), tmp_path / "bystander-gate"
    job = submit(bodies.until_told, str(own.path), "bystander", str(gate)).wait(5)
    own.wait("begin")
    yield
    gate.touch()
    assert job.wait(10) == "bystander"
    assert [line.word for line in own.lines()] == ["begin", "end"]


@pytest.mark.usefixtures("bystander")
def test_a_killed_child_costs_only_its_own_job(
    module_server: Server, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """A child that is killed from outside is noticed at once: its job runs again, its neighbour is not touched."""
    job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
    (begun,) = ledger.wait("begin")
    psutil.Process(begun.pid).kill()
    again = ledger.wait("begin", times=2)[1]
    measure("runs again", again.at - begun.at, within_s=2 * 1.0)
    info = job.info().wait(5)
    assert (info.state, info.tries, info.crashes, info.losses) == (State.RUNNING, 0, 1, 0)
    assert (info.error_type, "SIGKILL (signal 9)" in info.error) == ("JobCrashed", True)
    gate.touch()
    assert job.wait(10) == "job"
    with module_server.client() as client:
        assert facts.attempts(client, job.id) == [(1, "retried"), (2, "succeeded")]


@pytest.mark.usefixtures("bystander")
def test_a_segfault_is_told_with_its_stack_and_given_up_after_three(
    module_server: Server, ledger: Ledger, measure: Measure
) -> None:
    """Code that crashes each time is given up after three crashes, and the error has faulthandler's stack."""
    job = submit(bodies.segfault, str(ledger.path), "job").wait(5)
    with pytest.raises(JobCrashed, match=r"SIGSEGV.*native code.* Its process died 3 times: it is not tried again"):
        job.wait(30)
    began = ledger.lines("begin")
    info = job.info().wait(5)
    assert (len(began), info.state, info.crashes, info.tries) == (3, State.CRASHED, 3, 0)
    assert info.finished_at is not None
    assert info.submitted_at is not None
    measure("given up", (info.finished_at - info.submitted_at).total_seconds(), within_s=30.0)
    measure("longest pause", max(b.at - a.at for a, b in pairwise(began)), within_s=2 * 1.0)
    with module_server.client() as client:
        header = peek(client.get(facts.KEYS.result(job.id)))
    assert "in segfault" in header["error"]["traceback"]


@pytest.mark.usefixtures("bystander")
def test_a_coroutine_that_crashes_is_given_up_alone(ledger: Ledger, gate: Path) -> None:
    """A coroutine that crashes its loop each time is given up; those that shared the loop with it end well."""
    others = [
        submit(bodies.until_told_async, str(ledger.path), f"other-{number}", str(gate)).wait(5) for number in range(3)
    ]
    ledger.wait("begin", times=3)
    job = submit(bodies.segfault_async, str(ledger.path), "job").wait(5)
    with pytest.raises(JobCrashed, match="SIGSEGV"):
        job.wait(30)
    gate.touch()
    assert [other.wait(20) for other in others] == ["other-0", "other-1", "other-2"]
    assert len(ledger.lines("begin", "job")) <= 4


@pytest.mark.usefixtures("bystander")
def test_os_exit_is_a_crash(ledger: Ledger) -> None:
    """Code that ends the process with `os._exit` is given up after three times, naming the exit code."""
    job = submit(bodies.leave, str(ledger.path), "job", "os._exit").wait(5)
    with pytest.raises(JobCrashed, match="exit code 3"):
        job.wait(30)
    assert len(ledger.lines("begin")) == 3


@pytest.mark.usefixtures("bystander")
def test_system_exit_is_an_error_of_the_job(ledger: Ledger) -> None:
    """`raise SystemExit` ends the job, not the process: a failure like any other, tried once."""
    job = submit(bodies.leave, str(ledger.path), "job", "SystemExit").wait(5)
    with pytest.raises(JobFailed) as caught:
        job.wait(10)
    assert (caught.value.error_type, len(ledger.lines("begin"))) == ("SystemExit", 1)


@pytest.mark.usefixtures("bystander")
def test_a_memory_limit_ends_only_its_job(ledger: Ledger) -> None:
    """A job over its memory limit is ended at once and for good; the error names the limit and the peak."""
    job = options(memory="300MB").submit(bodies.eat, str(ledger.path), "job", 2_000_000_000).wait(5)
    with pytest.raises(JobCrashed, match=r"Out of memory.*limit of 300 MB.*peak was \d+ MB"):
        job.wait(30)
    assert (len(ledger.lines("begin")), job.state().wait(5)) == (1, State.CRASHED)


def test_the_kernel_takes_a_child_before_the_engine(worker: Worker) -> None:
    """Where memory runs out on the machine, the child's score makes it the first to go."""
    mine, engine = submit(bodies.oom_scores).wait(5).wait(10)
    supervisor = int(Path(f"/proc/{worker.supervisor}/oom_score_adj").read_text(encoding="ascii"))
    assert mine > engine == supervisor


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize("how", ["end", "cancel", "kill"])
def test_no_process_outlives_its_job(ledger: Ledger, how: str) -> None:
    """Whatever a job has started is gone soon after it, also what left its group or lost its parent."""
    job = submit(bodies.with_grandchildren, str(ledger.path), "job", wait=how != "end").wait(5)
    (begun,) = ledger.wait("begin")
    grandchildren = _grandchildren(ledger)
    if how == "cancel":
        assert job.cancel().wait(10) == "cancelled"
    elif how == "kill":
        psutil.Process(begun.pid).send_signal(signal.SIGKILL)
    else:
        job.wait(10)
    wait_gone(grandchildren)
    if how == "kill":
        # it runs again by now, and leaves others
        job.cancel().wait(10)
        wait_gone(_grandchildren(ledger))


def _grandchildren(ledger: Ledger) -> list[psutil.Process]:
    pids = [int(line.word.partition("-")[2]) for line in ledger.lines() if line.word.startswith("grandchild")]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
