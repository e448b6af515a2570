"""What tests stand on does what it says."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nbqueue.model.settings import Settings, load_settings
from tests import processes
from tests.servers import Server, running_server
from tests.waiting import until, wait_until

IDLE = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_the_server_is_empty_and_answers(server: Server) -> None:
    """Each test gets an empty server."""
    with server.client() as client:
        assert client.keys() == []
        client.set("left", "over")


def test_the_server_is_emptied_between_tests(server: Server) -> None:
    """What the test before stored is gone."""
    with server.client() as client:
        assert client.keys() == []


def test_a_server_of_ones_own_takes_settings_and_ends() -> None:
    """`running_server` passes its options on, and the process ends with the block, also when it was stopped."""
    with running_server(maxmemory="20mb") as own:
        with own.client() as client:
            assert client.config_get("maxmemory") == {"maxmemory": str(20 * 2**20)}
        psutil.Process(own.process.pid).suspend()
    assert own.process.returncode == -9
    assert not own.path.parent.exists()


def test_settings_point_to_the_server(settings: Settings, server: Server, home: Path) -> None:
    """The settings fixture names the server's socket and the test's own home."""
    assert (settings.url, settings.home) == (f"unix://{server.path}", home)
    assert load_settings().home == home
    assert Path(os.environ["HOME"]) not in (home, *home.parents)


def test_a_child_is_seen_as_left_behind() -> None:
    """A child that lives on is found; once it has ended it is not."""
    before = processes.children()
    with subprocess.Popen(IDLE) as child:
        assert {process.pid for process in processes.left_behind(before, Path("/none"), grace_s=0)} == {child.pid}
        child.kill()
    assert processes.left_behind(before, Path("/none")) == set()


def test_a_daemon_is_seen_as_left_behind(home: Path) -> None:
    """A process that left our tree is found by its NBQUEUE_HOME."""
    code = f"import subprocess; print(subprocess.Popen({IDLE!r}, start_new_session=True, stdout=-3, stderr=-3).pid)"
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    left = wait_until(lambda: processes.daemons(home))
    processes.kill(left)
    assert {process.pid for process in left} == {pid}


async def test_waiting_gives_the_first_true_answer() -> None:
    """Both ways of waiting hand back the answer, and fail with the last one."""
    answers = iter([0, 0, 7])
    assert wait_until(lambda: next(answers)) == 7
    assert await until(lambda: [1]) == [1]
    with pytest.raises(AssertionError, match="its last answer was 0"):
        wait_until(lambda: 0, timeout_s=0.02)
