"""Parts of the local stack that are killed come back; what they left behind misleads nobody."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nbqueue.errors import LocalStackError
from nbqueue.local import locks, stack
from nbqueue.local.processes import start_mark
from nbqueue.local.worker_process import Backoff
from tests.local.stacks import Stack, client_of, is_alive, kill
from tests.waiting import SLACK, wait_until


def test_a_killed_server_is_restarted_on_its_data_by_the_next_call(local: Stack) -> None:
    """Within two seconds, with all that was acknowledged, at the same address."""
    with local.client() as client:
        for number in range(50):
            client.zadd("arq:queue:default", {f"job-{number}": number})
    address = local.ensure(worker=False)
    kill(local.status().server.pid)
    begun_at = time.perf_counter()
    assert local.ensure(worker=False) == address
    assert time.perf_counter() - begun_at < 2 * SLACK
    with client_of(address) as client:
        assert client.zcard("arq:queue:default") == 50


def test_a_killed_server_is_restarted_by_the_keeper(local: Stack) -> None:
    """Workers that wait for it need no client to come along."""
    address = local.ensure()
    before = local.running()
    kill(before.server.pid)
    begun_at = time.perf_counter()
    wait_until(lambda: stack.server_is_up(local.settings))
    assert time.perf_counter() - begun_at < 2 * SLACK
    after = local.running()
    assert after.server.pid != before.server.pid
    assert after.worker.pid == before.worker.pid
    with client_of(address) as client:
        assert client.ping()


def test_a_killed_worker_is_started_again_at_once(local: Stack) -> None:
    """The first loss costs no waiting, and no child of the killed one runs on."""
    family = local.with_worker("--with-child")
    family.ensure()
    before = family.running()
    child = int(family.runs()[0].split()[1])
    kill(before.worker.pid)
    begun_at = time.perf_counter()
    wait_until(lambda: family.runs()[-1].startswith("started") and len(family.runs()) == 4)
    assert time.perf_counter() - begun_at < SLACK
    wait_until(lambda: not is_alive(child), timeout_s=1)


def test_a_worker_that_ends_at_once_is_started_less_and_less_often(local: Stack) -> None:
    """A broken worker does not keep the machine busy."""
    broken = Stack(local.settings, worker_command=(sys.executable, "-S", "-c", "print('run', flush=True)"))
    broken.ensure()
    wait_until(lambda: len(_start_times(broken)) >= 3)
    first, second, third = _start_times(broken)[:3]
    assert second - first < 0.25 <= third - second
    assert broken.home.worker_log.read_text().startswith("run\nrun\n")
    assert broken.status().keeper.running


def test_the_waits_double_and_end_with_a_long_run() -> None:
    """At once, then after 0.25 s, 0.5 s ... up to 30 s; a worker that ran well for 10 s is started at once again."""
    now = [0.0]
    backoff = Backoff(clock=lambda: now[0])
    waits = []
    for _ in range(10):
        begun_at = now[0]
        while not backoff.is_over():
            now[0] += 0.25
        waits.append(round(now[0] - begun_at, 2))
        backoff.started()
    assert waits == [0, 0, 0.25, 0.5, 1, 2, 4, 8, 16, 30]
    now[0] += 60
    assert backoff.is_over()
    backoff.started()
    assert backoff.is_over()


def test_a_killed_keeper_leaves_the_worker_alone(local: Stack) -> None:
    """The worker runs on, is not doubled by the next keeper, and is started again by it when it ends."""
    local.ensure()
    before = local.running()
    kill(before.keeper.pid)
    local.ensure()
    wait_until(lambda: local.status().keeper.pid not in {None, before.keeper.pid})
    assert local.status().worker.pid == before.worker.pid
    assert local.runs() == [f"started {before.worker.pid}"]
    kill(before.worker.pid)
    wait_until(lambda: len(local.runs()) == 2)
    assert local.running().worker.pid != before.worker.pid


def test_a_new_keeper_stops_the_worker_of_the_old_one(local: Stack) -> None:
    """Stopping finds a worker whoever started it, also when its record is missing."""
    local.ensure()
    worker = local.running().worker.pid
    kill(local.status().keeper.pid)
    local.home.worker_record.unlink()
    assert stack.stop(local.settings).worker.pid == worker
    assert local.runs()[-1] == f"ended {worker}"


def test_all_killed_at_once_start_again(local: Stack) -> None:
    """After a crash of everything the next call has it all back."""
    local.ensure()
    before = local.running()
    for pid in (before.keeper.pid, before.worker.pid, before.server.pid):
        kill(pid)
    local.ensure()
    after = local.running()
    assert {after.server.pid, after.worker.pid, after.keeper.pid}.isdisjoint(
        {before.server.pid, before.worker.pid, before.keeper.pid}
    )


def test_records_of_other_processes_are_not_believed(local: Stack) -> None:
    """A process id that was given to somebody else since is not taken for ours: neither shown nor ended."""
    with subprocess.Popen(["sleep", "60"]) as innocent:
        local.ensure()
        running = local.running()
        for pid in (running.keeper.pid, running.worker.pid, running.server.pid):
            kill(pid)
        for record in (local.home.server_record, local.home.keeper_record, local.home.worker_record):
            record.write_text(json.dumps({"pid": innocent.pid, "mark": "of-another-time"}))
        status = local.status()
        assert [status.server.pid, status.worker.pid, status.keeper.pid] == [None, None, None]
        local.ensure()
        local.running()
        stack.stop(local.settings)
        assert is_alive(innocent.pid)
        innocent.kill()


@pytest.mark.parametrize("lost", ["server/valkey.sock", "server/client.password", "server/server.json"])
def test_a_server_that_lost_a_file_is_found_or_replaced(local: Stack, lost: str) -> None:
    """Whatever a cleaner deleted, the next call has a server on the same data, and never two."""
    with local.client() as client:
        client.set("kept", "yes")
    (local.home.path / lost).unlink()
    with local.client() as client:
        assert client.get("kept") == b"yes"
    assert local.servers() == [local.status().server.pid]


def test_a_server_that_does_not_answer_is_not_killed(local: Stack) -> None:
    """One that is stopped or busy is waited for; then the error names the process, and its data stays whole."""
    local.ensure(worker=False)
    pid = local.status().server.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert not stack.server_is_up(local.settings)
        with pytest.raises(LocalStackError, match=rf"process {pid}.*does not answer"):
            local.ensure(worker=False, timeout_s=0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    local.ensure(worker=False)
    assert local.servers() == [pid]


def test_no_second_server_can_have_the_same_data(local: Stack) -> None:
    """The server itself holds the lock: while it lives nobody else can take it."""
    local.ensure(worker=False)
    assert locks.acquire(local.home.server_lock, timeout_s=0.1) is None
    kill(local.status().server.pid)
    lock = wait_until(lambda: locks.acquire(local.home.server_lock))
    assert lock
    locks.release(lock)


def test_a_stack_on_another_machine_is_told(local: Stack) -> None:
    """A home that two machines share says where the stack runs, instead of ending it."""
    local.ensure(worker=False)
    pid = local.status().server.pid
    local.home.host.write_text("elsewhere")
    (local.home.server / "valkey.sock").unlink()
    with pytest.raises(LocalStackError, match=r"runs on elsewhere.*NBQUEUE_HOME"):
        local.ensure(worker=False)
    assert local.servers() == [pid]


def test_a_call_that_cannot_have_the_lock_says_so(local: Stack) -> None:
    """If another process starts and starts, the wait ends in time."""
    local.ensure(worker=False)
    stack.stop(local.settings)
    lock = locks.acquire(local.home.start_lock)
    assert lock
    try:
        with pytest.raises(LocalStackError, match="Another process"):
            local.ensure(worker=False, timeout_s=0.2)
    finally:
        locks.release(lock)


def test_a_fork_of_the_starter_does_not_keep_its_locks(local: Stack) -> None:
    """A lock ends with its owner, also when that was forked meanwhile."""
    path = local.home.path / "lock"
    lock = locks.acquire(path)
    assert lock
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(opener)
        os.read(gate, 1)
        os._exit(0)
    locks.release(lock)
    wait_until(lambda: not locks.is_held(path))
    assert is_alive(child)
    os.close(opener)
    os.waitpid(child, 0)
    os.close(gate)


def test_a_start_mark_tells_processes_apart() -> None:
    """The same process has the same mark all its life; another has another, and a dead one none."""
    with subprocess.Popen(["sleep", "60"]) as other:
        assert start_mark(os.getpid()) == start_mark(os.getpid()) != ""
        assert start_mark(other.pid) not in {"", start_mark(os.getpid())}
        other.kill()
        wait_until(lambda: start_mark(other.pid) == "")


def _start_times(broken: Stack) -> list[float]:
    """When the keeper started the worker, from its log."""
    log = broken.home.keeper_log.read_text() if broken.home.keeper_log.exists() else ""
    lines = [line for line in log.splitlines() if "worker started" in line]
    return [_seconds(line.split()[1]) for line in lines]


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
