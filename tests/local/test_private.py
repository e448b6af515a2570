"""Nobody but the owner reads the local stack, reaches its server or learns its passwords."""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis
from redis.exceptions import NoPermissionError

from nbqueue.errors import LocalStackError
from nbqueue.local import passwords, server, sockets, stack
from nbqueue.local.home import Home
from nbqueue.local.resp import Connection
from nbqueue.model.settings import Settings
from tests.local.stacks import STAND_IN, Stack, run_python

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what another user can do")

ENSURE = """
import os, sys
from pathlib import Path
from nbqueue.local import stack
from nbqueue.model.settings import Settings

os.umask(int(sys.argv[2], 8))
stack.ensure(Settings(home=Path(sys.argv[1]), idle_stop_s=0), worker_command=sys.argv[3:])
"""
FORBIDDEN = (
    "FUNCTION LOAD x", "FUNCTION FLUSH", "CONFIG GET *", "CONFIG SET maxmemory 1", "SHUTDOWN", "REPLICAOF NO ONE",
    "SLAVEOF NO ONE", "MODULE LIST", "FLUSHALL", "FLUSHDB", "ACL LIST", "MONITOR", "BGREWRITEAOF",
    "SAVE", "MIGRATE h 1 k 0 1", "CLIENT PAUSE 1", "SWAPDB 0 0", "CLUSTER RESET",
)  # fmt: skip
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@pytest.fixture
def public(settings: Settings) -> Iterator[Stack]:
    """A stack whose home lies in a folder that everybody may enter, as in /tmp: only its own modes protect it."""
    place = Path(tempfile.mkdtemp(prefix="nbq-public-", dir="/tmp"))
    place.chmod(0o755)
    public = Stack(replace(settings, home=place / "home"))
    yield public
    stack.stop(public.settings)
    shutil.rmtree(place)


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_every_file_is_private_whatever_the_umask(public: Stack, umask: str) -> None:
    """Folders are 0700 and files 0600: journal, configuration, passwords, logs and socket too."""
    done = run_python(ENSURE, public.home.path, umask, *STAND_IN)
    assert done.stderr == ""
    public.running()
    with public.client() as client:
        client.set("secret", "value")
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (public.home.path, *public.home.path.rglob("*"))}
    (public.home.path / "runs").unlink()
    open_to_others = {
        path.name: oct(mode)
        for path, mode in modes.items()
        if mode != (0o700 if path.is_dir() or path.is_socket() else 0o600) and path.name != "runs"
    }
    assert open_to_others == {}
    assert {"valkey.conf", "valkey.sock", "appendonly.aof.1.incr.aof", "client.password", "worker.log"} <= {
        path.name for path in modes
    }


@needs_root
def test_another_user_can_read_nothing(public: Stack) -> None:
    """Permission denied for every file and folder, opened by its full path."""
    public.ensure()
    public.running()
    for path in public.home.path.rglob("*"):
        read = subprocess.run([*AS_NOBODY, "cat", path], capture_output=True, text=True, check=False)
        assert "Permission denied" in read.stderr, path
    listing = subprocess.run([*AS_NOBODY, "ls", public.home.path], capture_output=True, text=True, check=False)
    assert "Permission denied" in listing.stderr


@needs_root
def test_another_user_cannot_connect(public: Stack) -> None:
    """The socket is denied; were it open, the server would still ask for the password."""
    address = public.ensure(worker=False)
    denied = subprocess.run(
        [*AS_NOBODY, "/usr/bin/python3", "-c", CONNECT, address.path], capture_output=True, text=True, check=False
    )
    assert "PermissionError" in denied.stderr
    with Connection(Path(address.path)) as stranger:
        assert [str(reply) for reply in stranger.exchange(("PING",), ("GET", "x"), ("AUTH", "guess"))] == [
            "NOAUTH Authentication required.",
            "NOAUTH Authentication required.",
            "WRONGPASS invalid username-password pair or user is disabled.",
        ]


def test_no_network_port_is_open(local: Stack) -> None:
    """Neither server nor keeper listens on TCP or UDP."""
    local.ensure()
    status = local.running()
    for pid in (status.server.pid, status.keeper.pid):
        assert psutil.Process(pid).net_connections(kind="inet") == []


def test_passwords_are_nowhere_to_be_seen(local: Stack) -> None:
    """Not in arguments, environments, logs, the configuration or the address's own text."""
    address = local.ensure()
    status = local.running()
    canaries = [passwords.client_password(local.home), passwords.admin_password(local.home)]
    with (
        contextlib.suppress(redis.AuthenticationError),
        redis.Redis(unix_socket_path=address.path, username="wrong", password=str(canaries[0])) as intruder,
    ):
        intruder.ping()
    seen = [repr(address), str(address), repr(status), repr(canaries)]
    seen += [path.read_text() for path in local.home.path.rglob("*.log")]
    seen.append(local.home.configuration.read_text())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            seen += [*process.cmdline(), *process.environ().values()]
    assert all(len(canary) >= 43 for canary in canaries)
    assert [text[:80] for text in seen for canary in canaries if canary in text] == []


def test_clients_cannot_change_the_server(local: Stack) -> None:
    """The user of clients and workers has all data and none of the commands that administer the server."""
    with local.client() as client:
        for command in FORBIDDEN:
            with pytest.raises(NoPermissionError):
                client.execute_command(*command.split())


@pytest.mark.parametrize("command", ["DEBUG SLEEP 0", "DEBUG SEGFAULT", "MODULE LOAD x"])
def test_debugging_and_modules_are_switched_off(local: Stack, command: str) -> None:
    """They are refused to every user, before any right is looked at."""
    with local.client() as client, pytest.raises(redis.ResponseError, match="command not allowed"):
        client.execute_command(*command.split())


def test_clients_can_do_their_work(local: Stack) -> None:
    """Scripts, streams, blocking pops, publishing and looking at clients are allowed."""
    with local.client() as client:
        assert client.eval("return redis.call('ZADD', KEYS[1], 1, 'a')", 1, "z") == 1
        assert client.xadd("events", {"a": 1})
        assert client.blpop(["none"], timeout=0.01) is None
        assert client.publish("live", "tick") == 0
        assert client.info("memory")["used_memory"] > 0
        assert len(client.client_list()) >= 1
        assert sorted(client.keys()) == [b"events", b"z"]
        assert client.dbsize() == 2


def test_the_keepers_of_passwords_have_no_data(local: Stack) -> None:
    """The user that may end the server reads nothing."""
    address = local.ensure(worker=False)
    with Connection(Path(address.path)) as admin:
        admin.call("AUTH", passwords.ADMIN_USER, passwords.admin_password(local.home))
        assert "NOPERM" in str(admin.exchange(("GET", "x"))[0])


@needs_root
def test_a_folder_of_somebody_else_is_refused(public: Stack) -> None:
    """A home that another user made first is never written to."""
    public.home.path.mkdir(mode=0o777)
    os.chown(public.home.path, NOBODY, NOBODY)
    with pytest.raises(LocalStackError, match=f"belongs to user {NOBODY}, not to you"):
        public.ensure()
    assert list(public.home.path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_refused(local: Stack, mode: int) -> None:
    """The error says which command mends it."""
    local.home.path.chmod(mode)
    with pytest.raises(LocalStackError, match=f"chmod 700 {local.home.path}"):
        local.ensure()
    local.home.path.chmod(0o700)
    local.ensure(worker=False)
    local.home.server.chmod(0o755)
    with pytest.raises(LocalStackError, match=f"chmod 700 {local.home.server}"):
        local.ensure()
    local.home.server.chmod(0o700)


def test_a_link_is_refused(settings: Settings) -> None:
    """A link in place of the home could lead anywhere."""
    link = settings.home.with_name("link")
    link.symlink_to(settings.home)
    with pytest.raises(LocalStackError, match=f"it is a link to {settings.home}"):
        stack.ensure(replace(settings, home=link))


@needs_root
def test_squatted_socket_folders_are_passed_by(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder or link that somebody put where ours would lie is left alone; another name is chosen."""
    place = Path(tempfile.mkdtemp(prefix="nbq-place-", dir="/tmp"))
    place.chmod(0o1777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    home = Home(settings.home.joinpath(*["a-rather-long-name-for-a-folder"] * 5))
    home.server.mkdir(parents=True)
    wanted = sockets.choose(home).parent
    home.socket_record.unlink()
    wanted.rmdir()
    wanted.mkdir()
    os.chown(wanted, NOBODY, NOBODY)
    wanted.with_name(wanted.name + "-1").symlink_to("/tmp")
    wanted.with_name(wanted.name + "-2").mkdir(mode=0o755)
    try:
        assert sockets.choose(home).parent == wanted.with_name(wanted.name + "-3")
        assert list(wanted.iterdir()) == []
    finally:
        shutil.rmtree(place)


@needs_root
def test_a_recorded_socket_of_somebody_else_gets_no_password(settings: Settings) -> None:
    """If the short folder was replaced by another user's, nobody connects to it."""
    home = Home(settings.home.joinpath(*["a-rather-long-name-for-a-folder"] * 5))
    home.server.mkdir(parents=True)
    path = sockets.choose(home)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    try:
        assert sockets.find(home) == path
        os.chown(path.parent, NOBODY, NOBODY)
        assert sockets.find(home) is None
        assert server.health(home) is server.Health.GONE
    finally:
        listener.close()
        shutil.rmtree(path.parent)
