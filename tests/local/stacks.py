"""What tests do with a local stack: start it, kill parts of it, look at what runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import redis

from nbqueue.broker.address import Address
from nbqueue.local import stack
from nbqueue.local.home import Home
from nbqueue.local.stack import StackStatus
from nbqueue.model.settings import Settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_worker.py")))


@dataclass(frozen=True)
class Stack:
    """One local stack."""

    settings: Settings
    worker_command: tuple[str, ...] = STAND_IN

    @property
    def home(self) -> Home:
        """Its files."""
        return Home(self.settings.home)

    def with_worker(self, *options: str) -> "Stack":
        """The same with a worker that takes options."""
        return replace(self, worker_command=(*STAND_IN, *options))

    def ensure(self, *, worker: bool = True, timeout_s: float = 10.0) -> Address:
        """Start what does not run."""
        return stack.ensure(self.settings, worker=worker, timeout_s=timeout_s, worker_command=self.worker_command)

    def status(self) -> StackStatus:
        """What runs."""
        return stack.status(self.settings)

    def running(self) -> StackStatus:
        """What runs, once all three do and have signed in."""
        status = wait_until(self._if_complete)
        assert status
        return status

    def runs(self) -> list[str]:
        """What the stand-in workers noted."""
        path = self.home.path / "runs"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def client(self, name: str = "a-test") -> redis.Redis:
        """A client of the server."""
        return client_of(self.ensure(worker=False), name)

    def servers(self) -> list[int]:
        """All server processes of this home, however they came to be."""
        return [process.pid for process in psutil.process_iter() if _is_server_of(process, self.home)]

    def _if_complete(self) -> StackStatus | None:
        status = self.status()
        return status if status.server.pid and status.worker.pid and status.keeper.pid and self.runs() else None


def client_of(address: Address, name: str = "a-test") -> redis.Redis:
    """A plain client of a server."""
    return redis.Redis(
        unix_socket_path=address.path, username=address.username, password=address.password, client_name=name
    )


def run_python(code: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a piece of code in a process of its own."""
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def kill(pid: int | None) -> None:
    """SIGKILL, and wait until it is gone."""
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def seconds_until(condition: Callable[[], object], since: float, clock: Callable[[], float]) -> float:
    """When a condition came true."""
    wait_until(condition)
    return clock() - since


def _is_server_of(process: psutil.Process, home: Home) -> bool:
    try:
        named = process.name() == "valkey-server" and process.environ().get("NBQUEUE_HOME") == str(home.path)
        return named and is_alive(process.pid)
    except (psutil.Error, OSError):
        return False
