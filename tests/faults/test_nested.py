"""Jobs that submit and await jobs, where there is next to no room, and while workers are killed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue.broker.envelope import peek
from nbqueue.broker.keys import Keys
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.worker.room import RESTING
from tests.faults import bodies, facts, nested
from tests.faults.conftest import Measure
from tests.faults.stores import Store, last
from tests.servers import Server
from tests.workers import Ledger, Worker, running_worker

MESSAGES = 1_000
KEYS = Keys()


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("body", [nested.tree, nested.tree_async])
def test_one_slot_is_enough_for_a_tree_of_jobs(body: Callable[[int, int], int], measure: Measure) -> None:
    """Three levels that wait for one another need no more than one slot: who waits holds none."""
    began_at = time.monotonic()
    assert submit(body, 3, 2).wait(5).wait(60) == 15
    measure("a tree", time.monotonic() - began_at, within_s=60)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("body", [nested.contract, nested.contract_async])
def test_a_thousand_messages_on_a_full_queue(body: Callable[[str, int], int], ledger: Ledger) -> None:
    """The queue is full of other jobs, and there is one slot: the contract and its messages come through, each once."""
    others = submit_map(bodies.quick, [str(ledger.path)] * 50, map(str, range(50))).wait(5)
    job = submit(body, str(ledger.path), MESSAGES).wait(5)
    assert job.wait(120) == sum(range(MESSAGES))
    assert len(others.wait(60)) == 50
    assert sorted(int(line.name) for line in ledger.lines("message")) == list(range(MESSAGES))
    record = job.info().wait(5)
    assert (record.progress.done, record.progress.total) == (MESSAGES, MESSAGES)


@pytest.mark.slow
def test_many_contracts_at_once_start_no_more_processes_than_they_need(worker: Worker, ledger: Ledger) -> None:
    """What a job submits runs before jobs that have not begun: contracts do not pile up as waiting processes."""
    group = submit_map(nested.contract, [str(ledger.path)] * 30, [3] * 30).wait(5)
    most = 0
    while any(state is not State.SUCCEEDED for state in group.progress().wait(5)):
        most = max(most, len(worker.family()))
    assert group.wait(60) == [3] * 30
    # the supervisor, the engine, its zygote, a loop child; one contract that waits, one job that runs, and spares
    assert most <= 9


@pytest.mark.usefixtures("worker")
def test_threads_of_a_job_may_wait_for_jobs(ledger: Ledger) -> None:
    """The slot is given back where any thread of a job waits, as its main thread may wait for that."""
    assert submit(nested.in_threads, str(ledger.path), 12).wait(5).wait(30) == sum(range(12))
    threads = options(run_in="thread").submit(nested.contract, str(ledger.path), 5).wait(5)
    assert threads.wait(30) == sum(range(5))


def test_a_worker_killed_in_the_middle(
    module_server: Server, module_settings: Settings, ledger: Ledger, measure: Measure
) -> None:
    """The contract runs again and finds the messages it had submitted: each is recorded once."""
    with running_worker(module_settings, "--slots", "2", "--queues", "killed") as first:
        job = options(queue="killed").submit(nested.contract_on, "killed", str(ledger.path), 200, 0.01).wait(5)
        ledger.wait("message", times=40, timeout_s=40)
        first.kill()
    killed_at = time.monotonic()
    with running_worker(module_settings, "--slots", "2", "--queues", "killed"):
        assert job.wait(60) == sum(range(200))
    measure("all", time.monotonic() - killed_at, within_s=60)
    assert [line.name for line in ledger.lines("contract")] == ["begin", "begin", "end"]
    with module_server.client() as client:
        assert facts.counted(client, "killed") == 201
        ends = facts.ends(client)
        assert ends[job.id] == ["succeeded"]
    # a message that ran as the worker was killed runs again, as at-least-once says; no other does
    assert len({line.name for line in ledger.lines("message")}) == 200
    assert len(ledger.lines("message")) <= 202


def test_one_call_submitted_twice_stays_two_jobs(
    module_server: Server, module_settings: Settings, ledger: Ledger, gate: Path
) -> None:
    """A run that is repeated tells calls apart by how often they came: none is lost, none is run again."""
    with running_worker(module_settings, "--slots", "1", "--queues", "twice") as first:
        job = options(queue="twice").submit(nested.same_twice_on, "twice", str(ledger.path), str(gate)).wait(5)
        ledger.wait("contract")
        first.kill()
    with running_worker(module_settings, "--slots", "1", "--queues", "twice"):
        ledger.wait("contract", times=2)
        gate.touch()
        assert job.wait(20) == [7, 7, 8]
    assert [line.name for line in ledger.lines("message")] == ["7", "7", "8"]
    with module_server.client() as client:
        assert facts.counted(client, "twice") == 4


@pytest.mark.usefixtures("worker")
def test_a_new_try_submits_anew(ledger: Ledger) -> None:
    """A job that asks for another try wants its jobs to run again: only a run that was lost joins what it had."""
    assert options(retry=3).submit(nested.tries_again, str(ledger.path)).wait(5).wait(20) == 2


@pytest.mark.usefixtures("worker")
def test_a_stop_ends_a_wait_at_once(ledger: Ledger, measure: Measure) -> None:
    """Code that looks whether it is to stop cannot look while it waits for a job: the wait ends then."""
    other = options(delay=100).submit(len, "four").wait(5)
    job = submit(nested.listens, str(ledger.path), other.id).wait(5)
    ledger.wait("begin")
    asked_at = time.monotonic()
    assert job.cancel().wait(10) == "cancelled"
    measure("stopped", time.monotonic() - asked_at, within_s=2.0)
    ledger.wait("stopped")
    assert other.state().wait(5) is State.SCHEDULED


@pytest.mark.usefixtures("worker")
def test_a_forked_copy_of_a_job_does_not_speak_for_it(ledger: Ledger) -> None:
    """A process that a job forks is told so in a sentence; the job's own goes on."""
    assert "was forked from it" in submit(nested.forks, str(ledger.path)).wait(5).wait(20)
    ledger.wait("message", "1")


@pytest.mark.usefixtures("worker")
def test_jobs_of_jobs_go_before_what_has_not_begun(ledger: Ledger) -> None:
    """Without a priority a job goes one step before the one that submitted it; what is given counts."""
    assert submit(nested.inherits).wait(5).wait(20) == (1, 2)
    assert options(priority="high").submit(nested.inherits).wait(5).wait(20) == (11, 12)
    assert submit(nested.low_priority, str(ledger.path), 2).wait(5).wait(20) == -5


def test_the_submission_names_its_parent(module_server: Server, worker: Worker) -> None:
    """The signed header of a job says which job submitted it, and carries the origin of that."""
    del worker
    job = submit(nested.leaves_one).wait(5)
    inner = job.wait(20)
    with module_server.client() as client:
        header = peek(client.get(KEYS.submission(inner)))
    assert header["parent"] == job.id
    assert header["folder"] == str(Path.cwd())


@pytest.mark.usefixtures("worker")
def test_so_many_jobs_may_wait_and_no_more() -> None:
    """Recursion without an end is told so, before it fills the machine; those that wait go on waiting."""
    other = options(delay=100).submit(len, "four").wait(5)
    group = submit_map(nested.waits_for, [other.id] * (RESTING + 1)).wait(5)
    [refused] = [next(iter(group.as_completed()))]
    assert "so many jobs of this worker wait for jobs of their own" in refused.wait(5)
    assert group.progress().wait(5)[State.RUNNING] == RESTING
    assert other.cancel().wait(5) == "cancelled"
    states = group.results(return_errors=True).wait(20)
    assert [type(each).__name__ for each in states].count("JobFailed") == RESTING


def test_a_server_that_comes_back(connected: Callable[[Settings], Settings], store: Store, home: Path) -> None:
    """Jobs that wait for jobs wait through an outage of the server, as everybody does."""
    settings = connected(Settings(url=store.url, home=home))
    with running_worker(settings, "--slots", "1"):
        ledger = Ledger(home / "ledger")
        job = submit(nested.contract, str(ledger.path), 20, 0.1).wait(5)
        ledger.wait("message", times=3)
        store.kill()
        last(1.5)
        store.start()
        assert job.wait(40) == sum(range(20))
        assert sorted({int(line.name) for line in ledger.lines("message")}) == list(range(20))
