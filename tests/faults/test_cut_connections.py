"""Connections that are cut, once or again and again, or that fall silent: nothing is lost."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.faults.stores import Relay, last
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, Worker, running_worker

CONCURRENCY = 20
#: twice what is promised for noticing that the other side has fallen silent
SILENT_S = 2 * 10.0


@pytest.fixture
def relay(module_server: Server, tmp_path: Path) -> Iterator[Relay]:
    """Between the worker, or the client, and the server."""
    del tmp_path
    with Relay(module_server.path.with_name("relay"), module_server.path) as relay:
        yield relay
    relay.path.unlink()


@pytest.fixture
def relayed(module_settings: Settings, relay: Relay) -> Settings:
    """Settings of who goes through the relay."""
    return replace(module_settings, url=f"unix://{relay.path}")


@pytest.fixture
def worker_behind_relay(relayed: Settings) -> Iterator[Worker]:
    """A worker that must outlive all that happens to its connections."""
    with running_worker(relayed, "--slots", "1", "--concurrency", str(CONCURRENCY)) as worker:
        engine = worker.engine()
        yield worker
        wait_until(lambda: worker.engines() == [engine], 20)


@pytest.fixture
def worker_at_server(module_settings: Settings) -> Iterator[Worker]:
    """A worker that nothing happens to."""
    with running_worker(module_settings, "--slots", "1", "--concurrency", str(CONCURRENCY)) as worker:
        yield worker


@pytest.mark.usefixtures("worker_at_server")
def test_all_connections_cut_at_once_cost_nothing(
    connected: Callable[[Settings], Settings], module_server: Server, module_settings: Settings, ledger: Ledger
) -> None:
    """CLIENT KILL of all connections amid a thousand jobs: each ends once, and who waits gets its value."""
    connected(module_settings)
    names = [f"job-{number}" for number in range(1000)]
    group = submit_map(bodies.quick_async, [str(ledger.path)] * len(names), names).wait(20)
    with module_server.client() as client:
        for times in (200, 500):
            ledger.wait("ran", times=times)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")
        assert group.wait(30) == names
        _assert_ended_once(module_server, ledger, names, cuts=2)


@pytest.mark.usefixtures("worker_at_server")
def test_a_submit_whose_answer_is_lost_is_accepted_once(
    connected: Callable[[Settings], Settings], module_server: Server, relay: Relay, relayed: Settings, ledger: Ledger
) -> None:
    """A submit whose connection is cut after the server has acted is sent again, and the job runs once."""
    connected(relayed)
    submit(bodies.quick, str(ledger.path), "before").wait(5).wait(10)
    relay.swallow_answer_to(b"the-same-id")
    job = options(job_id="the-same-id").submit(bodies.quick, str(ledger.path), "job").wait(10)
    assert job.wait(10) == "job"
    assert len(ledger.lines("ran", "job")) == 1
    with module_server.client() as client:
        assert facts.ends(client)["the-same-id"] == ["succeeded"]


@pytest.mark.slow
@pytest.mark.usefixtures("worker_behind_relay")
def test_thirty_cuts_lose_nothing(
    connected: Callable[[Settings], Settings], module_server: Server, relay: Relay, relayed: Settings, ledger: Ledger
) -> None:
    """Thirty cuts of all connections, of client and worker alike, while jobs come and go: none is lost or silent."""
    connected(relayed)
    names = [f"job-{number}" for number in range(600)]
    jobs = []
    for cut in range(30):
        jobs += [submit(bodies.quick_async, str(ledger.path), name) for name in names[20 * cut : 20 * cut + 20]]
        last(0.3)
        relay.cut()
    accepted = [pending.wait(20) for pending in jobs]
    assert [job.wait(30) for job in accepted] == names
    _assert_ended_once(module_server, ledger, names, cuts=30)


@pytest.mark.usefixtures("worker_behind_relay")
def test_a_silent_connection_is_given_up(  # noqa: PLR0917 - fixtures
    connected: Callable[[Settings], Settings], module_settings: Settings, relay: Relay, ledger: Ledger, gate: Path,
    measure: Measure,
) -> None:  # fmt: skip
    """A worker whose server seems to vanish without a word takes new connections within 10 s; its jobs go on."""
    connected(module_settings)
    running = submit(bodies.until_told, str(ledger.path), "running", str(gate)).wait(5)
    ledger.wait("begin")
    relay.stall()
    stalled_at = time.monotonic()
    gate.touch()
    ledger.wait("end")
    job = submit(bodies.quick_async, str(ledger.path), "job").wait(5)
    relay.flow()
    assert (running.wait(SILENT_S), job.wait(SILENT_S)) == ("running", "job")
    measure("noticed", time.monotonic() - stalled_at, within_s=SILENT_S)
    assert Counter(line.word for line in ledger.lines()) == {"begin": 1, "end": 1, "ran": 1}


@pytest.mark.usefixtures("worker_at_server")
def test_a_silent_connection_does_not_keep_a_client_waiting(  # noqa: PLR0917 - fixtures
    connected: Callable[[Settings], Settings], relay: Relay, relayed: Settings, ledger: Ledger, gate: Path,
    measure: Measure,
) -> None:  # fmt: skip
    """Who waits for a job by a connection that fell silent gets its value within 10 s."""
    connected(relayed)
    job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
    ledger.wait("begin")
    waiting, live = job.run(), job.live()
    wait_until(lambda: live.record.state is State.RUNNING)
    relay.stall()
    stalled_at = time.monotonic()
    gate.touch()
    ledger.wait("end")
    relay.flow()
    assert waiting.wait(SILENT_S) == "job"
    live.close()
    measure("noticed", time.monotonic() - stalled_at, within_s=SILENT_S)


def _assert_ended_once(server: Server, ledger: Ledger, names: list[str], *, cuts: int) -> None:
    """Every job has exactly one end; what ran twice was in flight when a connection was cut."""
    ran = Counter(line.name for line in ledger.lines("ran"))
    assert sorted(ran) == sorted(names)
    assert ran.total() - len(names) <= cuts * CONCURRENCY
    with server.client() as client:
        assert {tuple(states) for states in facts.ends(client).values()} == {("succeeded",)}
