"""A server that is killed, stays away, is emptied or full: nothing accepted is lost in silence, workers go on."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nbqueue.client.group import JobGroup
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.display import view
from nbqueue.errors import JobLost, StoreFull
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.faults.stores import Store, last
from tests.waiting import wait_until
from tests.workers import Ledger, Worker, running_worker

JOBS = 2_000
#: coroutines at once in each of two workers
CONCURRENCY = 20
#: what is promised, twice
RECONNECT_S = 2 * 2.0
ALL_DONE_S = 2 * 15.0
LOST_S = 2 * 2.0
ROOM_S = 2 * 5.0


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], store: Store) -> None:
    connected(store.settings)


@pytest.fixture
def workers(store: Store) -> Iterator[list[Worker]]:
    """Two workers on two machines, which must outlive all that happens to the server."""
    options_ = ("--slots", "2", "--concurrency", str(CONCURRENCY))
    with (
        running_worker(store.settings, *options_, machine="one") as first,
        running_worker(store.settings, *options_, machine="two") as second,
    ):
        engines = [first.engine(), second.engine()]
        yield [first, second]
        wait_until(lambda: [*first.engines(), *second.engines()] == engines, 20)


@pytest.mark.usefixtures("workers")
def test_a_killed_server_costs_no_job(store: Store, ledger: Ledger, measure: Measure) -> None:
    """With a journal written each second, a server killed in a storm and back after 2 s has lost no accepted job."""
    group = _storm(ledger)
    ledger.wait("ran", times=300)
    store.kill()
    last(2.0)
    store.start()
    up_at = time.monotonic()
    after = wait_until(lambda: [line for line in ledger.lines("ran") if line.at > up_at], 20)
    measure("work goes on", after[0].at - up_at, within_s=RECONNECT_S)
    _assert_all_ended_once(store, group, ledger, kills=1)
    measure("all done", time.monotonic() - up_at, within_s=ALL_DONE_S)


@pytest.mark.usefixtures("workers")
def test_nothing_is_lost_in_five_kills(store: Store, ledger: Ledger, measure: Measure) -> None:
    """With a journal written at once, five kills in one storm lose nothing and run twice at most what was in flight."""
    store.kill()
    store.start(appendfsync="always")
    group = _storm(ledger)
    for number in range(5):
        ledger.wait("ran", times=250 * (number + 1), timeout_s=30)
        store.kill()
        store.start(appendfsync="always")
    up_at = time.monotonic()
    _assert_all_ended_once(store, group, ledger, kills=5)
    measure("all done", time.monotonic() - up_at, within_s=ALL_DONE_S)


@pytest.mark.slow
@pytest.mark.usefixtures("workers")
def test_jobs_outlive_a_minute_without_server(store: Store, ledger: Ledger, tmp_path: Path, measure: Measure) -> None:
    """Jobs go on while the server is away for 60 s; their results arrive when it is back; who waits is told."""
    early, late = tmp_path / "early", tmp_path / "late"
    bodies_: tuple[Callable[..., Any], ...] = (bodies.until_told, bodies.until_told_async)
    jobs = [
        submit(body, str(ledger.path), f"{gate.name}-{body.__name__}", str(gate)).wait(5)
        for body in bodies_
        for gate in (early, late)
    ]
    ledger.wait("begin", times=len(jobs))
    live = jobs[0].live()
    wait_until(lambda: live.record.state is State.RUNNING)
    waiting = [job.run() for job in jobs]
    down_at = time.monotonic()
    store.kill()
    note = "connection lost, trying again"
    wait_until(
        lambda: note in view.of_job(live.record, now=datetime.now(UTC), reconnecting=live.reconnecting).notes, 10
    )
    early.touch()
    ledger.wait("end", times=2)
    last(60.0 - (time.monotonic() - down_at))
    assert not any(pending.done() for pending in waiting)
    late.touch()
    store.start()
    up_at = time.monotonic()
    names = {f"{gate.name}-{body.__name__}" for body in bodies_ for gate in (early, late)}
    assert {pending.wait(20) for pending in waiting} == names
    measure("results arrive", time.monotonic() - up_at, within_s=2 * 5.0)
    assert Counter(line.word for line in ledger.lines()) == {"begin": 4, "end": 4}
    infos = [job.info().wait(5) for job in jobs]
    assert {(info.tries, info.losses, info.crashes, info.fence) for info in infos} == {(1, 0, 0, 1)}
    live.close()


@pytest.mark.usefixtures("workers")
def test_an_emptied_server_is_noticed(store: Store, ledger: Ledger, gate: Path, measure: Measure) -> None:
    """After FLUSHALL who waits gets JobLost within 2 s, late ends are refused as a whole, and workers work on."""
    jobs = [
        submit(bodies.until_told, str(ledger.path), "process", str(gate)).wait(5),
        submit(bodies.until_told_async, str(ledger.path), "coroutine", str(gate)).wait(5),
        options(queue="nobody").submit(bodies.quick, str(ledger.path), "queued").wait(5),
    ]
    waiting = [job.run() for job in jobs]
    ledger.wait("begin", times=2)
    with store.client() as client:
        client.flushall()
        emptied_at = time.monotonic()
        for pending in waiting:
            with pytest.raises(JobLost, match="no longer knows"):
                pending.wait(20)
        measure("told", time.monotonic() - emptied_at, within_s=LOST_S)
        gate.touch()
        new = [submit(bodies.quick, str(ledger.path), "new").wait(5) for _ in range(10)]
        assert [job.wait(20) for job in new] == ["new"] * 10
        measure("works on", time.monotonic() - emptied_at, within_s=2 * LOST_S)
        wait_until(lambda: not any(client.hlen(key) for key in client.scan_iter("nbq:claims:*")))
        for job in jobs:
            assert list(client.scan_iter(f"*{job.id}*")) == []


@pytest.mark.usefixtures("workers")
def test_a_full_server_stops_nothing_but_new_jobs(store: Store, ledger: Ledger, gate: Path, measure: Measure) -> None:
    """A submit to a full server says what to do; what runs ends, claims wait calmly and go on once there is room."""
    running = [
        submit(bodies.until_told, str(ledger.path), f"running-{number}", str(gate)).wait(5) for number in range(2)
    ]
    ledger.wait("begin", times=2)
    queued = [options(delay=0.5).submit(bodies.quick_async, str(ledger.path), f"{n}").wait(5) for n in range(20)]
    with store.client() as client:
        client.config_set("maxmemory", "1mb")
        with pytest.raises(StoreFull, match=r"out of memory.*raise its maxmemory"):
            submit(bodies.quick, str(ledger.path), "refused").wait(5)
        before = _tries(client)
        last(4.0)
        # two workers
        measure("tries a second of one worker", (_tries(client) - before) / 4.0 / 2, within_s=2 * 2.0)
        assert ledger.lines("ran") == []
        gate.touch()
        opened_at = time.monotonic()
        assert {job.wait(20) for job in running} == {"running-0", "running-1"}
        measure("results of a full server", time.monotonic() - opened_at, within_s=ROOM_S)
        client.config_set("maxmemory", "0")
        roomy_at = time.monotonic()
        assert sorted(int(job.wait(20)) for job in queued) == list(range(20))
        measure("goes on", time.monotonic() - roomy_at, within_s=ROOM_S)
        assert {states[0] for states in facts.ends(client).values()} == {"succeeded"}


def _storm(ledger: Ledger) -> JobGroup[str]:
    names = [f"job-{number}" for number in range(JOBS)]
    return submit_map(bodies.quick_async, [str(ledger.path)] * JOBS, names).wait(20)


def _assert_all_ended_once(store: Store, group: JobGroup[str], ledger: Ledger, *, kills: int) -> None:
    """Every job has a result, and one end; what ran twice was in flight when the server was killed."""
    names = [f"job-{number}" for number in range(JOBS)]
    assert group.wait(ALL_DONE_S + 10) == names
    ran = Counter(line.name for line in ledger.lines("ran"))
    assert sorted(ran) == sorted(names)
    assert ran.total() - JOBS <= kills * 2 * CONCURRENCY
    with store.client() as client:
        ends = facts.ends(client)
        assert (len(ends), {tuple(states) for states in ends.values()}) == (JOBS, {("succeeded",)})
        assert facts.counted(client) == JOBS


def _tries(client: Any) -> int:
    """How many scripts the server had to refuse for want of memory."""
    return int(client.info("commandstats")["cmdstat_evalsha"]["rejected_calls"])
