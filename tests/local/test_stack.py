"""Starting, finding and stopping the local stack."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from nbqueue.broker.address import Address
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests.local.stacks import ROOT, STAND_IN, Stack, client_of, is_alive, run_python
from tests.waiting import SLACK, wait_until

TEN_STARTERS = """
import os, sys
from pathlib import Path
from nbqueue.local import stack
from nbqueue.model.settings import Settings

settings = Settings(home=Path(sys.argv[1]), idle_stop_s=0)
gate, opener = os.pipe()
for _ in range(10):
    if os.fork() == 0:
        os.close(opener)
        os.read(gate, 1)
        address = stack.ensure(settings, worker_command=sys.argv[2:])
        os.write(1, f"{address.path} {stack.status(settings).server.pid}\\n".encode())
        os._exit(0)
os.close(opener)
for _ in range(10):
    os.wait()
"""

ONE_STARTER = """
import sys
from pathlib import Path
from nbqueue.local import stack
from nbqueue.model.settings import Settings

stack.ensure(Settings(home=Path(sys.argv[1]), idle_stop_s=0), worker_command=sys.argv[2:])
print("started", flush=True)
sys.stdin.read()
"""


def test_the_first_call_starts_server_keeper_and_worker(local: Stack) -> None:
    """One call is enough; the status tells what runs and where its files are."""
    assert not stack.server_is_up(local.settings)
    address = local.ensure()
    status = local.running()
    assert address == Address(
        kind="unix", path=str(local.home.server / "valkey.sock"), username="nbqueue", password=address.password
    )
    assert stack.server_is_up(local.settings)
    assert status.server.running
    assert status.server.version.startswith("9.")
    assert str(status.server.socket) == address.path
    assert status.worker.running
    assert status.worker.log_file == local.home.path / "worker.log"
    assert local.runs() == [f"started {status.worker.pid}"]


def test_later_calls_find_what_runs(local: Stack) -> None:
    """Nothing is started twice, and looking costs a few milliseconds at most."""
    first = local.ensure()
    before = local.running()
    times = []
    for _ in range(20):
        begun_at = time.perf_counter()
        assert local.ensure() == first
        times.append(time.perf_counter() - begun_at)
    after = local.running()
    assert sorted(times)[10] < 0.005
    assert [after.server.pid, after.worker.pid, after.keeper.pid] == [
        before.server.pid,
        before.worker.pid,
        before.keeper.pid,
    ]


def test_the_server_alone_can_be_had(local: Stack) -> None:
    """Without the worker there is no keeper either."""
    local.ensure(worker=False)
    status = local.status()
    assert [status.server.running, status.worker.running, status.keeper.running] == [True, False, False]


@pytest.mark.parametrize("attempt", range(10))
def test_ten_processes_at_once_get_one_server(local: Stack, attempt: int) -> None:
    """However many start at once, there is one server, one worker, and ten answers."""
    done = run_python(TEN_STARTERS, local.home.path, *STAND_IN)
    answers = done.stdout.splitlines()
    status = local.running()
    assert done.stderr == ""
    assert len(answers) == 10, attempt
    assert set(answers) == {f"{status.server.socket} {status.server.pid}"}
    assert local.servers() == [status.server.pid]
    assert local.runs() == [f"started {status.worker.pid}"]


def test_ten_threads_at_once_get_one_server(local: Stack) -> None:
    """Threads of one process exclude one another as processes do."""
    answers: list[Address] = []
    threads = [threading.Thread(target=lambda: answers.append(local.ensure())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [local.ensure()] * 10
    assert local.servers() == [local.running().server.pid]


@pytest.mark.parametrize("delay_s", [0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08])
def test_a_killed_starter_leaves_nothing_in_the_way(local: Stack, delay_s: float) -> None:
    """Wherever in its start it is killed, the next one gets a server at once, and there is one."""
    starter = subprocess.Popen(
        [sys.executable, "-c", ONE_STARTER, str(local.home.path), *STAND_IN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    wait_until(local.home.start_lock.exists)
    threading.Event().wait(delay_s)
    starter.kill()
    starter.communicate()
    begun_at = time.perf_counter()
    local.ensure()
    assert time.perf_counter() - begun_at < 2 * SLACK
    assert local.servers() == [local.running().server.pid]


def test_the_stack_outlives_its_starter(local: Stack) -> None:
    """Killing the process that started it touches neither server nor worker, and the next process finds them."""
    starter = subprocess.Popen(
        [sys.executable, "-c", ONE_STARTER, str(local.home.path), *STAND_IN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert starter.stdout
    assert starter.stdout.readline() == b"started\n"
    before = local.running()
    parents = [psutil.Process(pid).ppid() for pid in (before.server.pid, before.keeper.pid)]
    starter.kill()
    starter.communicate()
    local.ensure()
    after = local.running()
    assert starter.pid not in parents
    assert (after.server.pid, after.worker.pid) == (before.server.pid, before.worker.pid)


def test_stopping_ends_all_and_keeps_the_data(local: Stack) -> None:
    """Worker and server end as they were asked to, and the next start has what was stored."""
    with local.client() as client:
        client.set("kept", "yes")
    local.ensure()
    ran = local.running()
    stopped = stack.stop(local.settings)
    status = local.status()
    assert (stopped.server.pid, stopped.worker.pid) == (ran.server.pid, ran.worker.pid)
    assert [status.server.running, status.worker.running, status.keeper.running] == [False, False, False]
    assert local.runs()[-1] == f"ended {ran.worker.pid}"
    assert "ready to exit" in local.home.server_log.read_text()
    with local.client() as client:
        assert client.get("kept") == b"yes"


def test_stopping_what_does_not_run_is_no_error(settings: Settings) -> None:
    """It answers that nothing ran, and makes no folder."""
    assert not stack.stop(settings).server.running
    assert list(settings.home.iterdir()) == []


def test_a_worker_that_does_not_listen_is_ended_with_its_children(local: Stack) -> None:
    """Whoever ignores the request is killed, and all of its session with it."""
    deaf = local.with_worker("--deaf", "--with-child")
    deaf.ensure()
    deaf.running()
    child = int(deaf.runs()[0].split()[1])
    assert is_alive(child)
    stack.stop(local.settings, timeout_s=0.5)
    assert not local.status().worker.running
    wait_until(lambda: not is_alive(child))


def test_a_folder_that_is_deleted_takes_its_processes_along(local: Stack) -> None:
    """Nothing runs on for a home that is gone."""
    local.ensure()
    status = local.running()
    for path in sorted(local.home.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    for pid in (status.server.pid, status.worker.pid, status.keeper.pid):
        assert pid
        wait_until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


def test_a_long_path_gets_a_short_socket(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket then lies in a private folder elsewhere, and every process finds it there, whatever its TMPDIR."""
    deep = settings.home.joinpath(*["a-rather-long-name-for-a-folder"] * 5)
    far = Stack(Settings(home=deep, idle_stop_s=0))
    try:
        address = far.ensure()
        folder = Path(address.path).parent.stat()
        monkeypatch.setenv("TMPDIR", str(settings.home))
        assert len(os.fsencode(address.path)) < 104
        assert (folder.st_mode & 0o777, folder.st_uid) == (0o700, os.geteuid())
        assert far.ensure() == address
        with client_of(address) as client:
            assert client.ping()
    finally:
        stack.stop(far.settings)
        Path(address.path).parent.rmdir()


def test_names_with_any_character_are_taken(settings: Settings) -> None:
    """Spaces, quotes and letters of any alphabet in the path do no harm."""
    odd = Stack(Settings(home=settings.home / "my \"data\" 'ü\\x' # 1", idle_stop_s=0))
    try:
        with odd.client() as client:
            assert client.set("a", "b")
        odd.ensure()
        odd.running()
    finally:
        stack.stop(odd.settings)
