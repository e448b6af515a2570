"""Real workers for tests: started by the command, watched through the server, killed for real."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.sentinel import Sentinel

from nbqueue.broker.address import parse_url
from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.servers import end_with_parent
from tests.waiting import wait_until

#: whoever submits with the rights of a client has workers with those of a worker; see `Server.url_of`
LEAST_RIGHTS = ("username=client&password=S3cr3t-client", "username=worker&password=S3cr3t-worker")
ROOT = Path(__file__).parents[1]
PYTHON = Path(sys.executable)
#: a worker imports the package, starts its engine and is announced within this, also on a busy machine
START_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker that was started by `nbqueue worker`."""

    #: its supervisor
    process: subprocess.Popen[bytes]
    settings: Settings
    #: where it writes what it has to say
    log_file: Path

    @property
    def supervisor(self) -> int:
        """The process id of its supervisor."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def engines(self) -> list[int]:
        """The process ids of its engines that are announced in the server and live."""
        return [int(fields[b"pid"]) for fields in _announced(self).values()]

    def engine_ids(self) -> list[str]:
        """The names its engines have in the server."""
        return sorted(_announced(self))

    def engine(self) -> int:
        """The process id of its one engine, once that is announced."""
        return wait_until(self.engines, START_S)[0]

    def family(self) -> list[psutil.Process]:
        """Its supervisor and all processes below, those in other process groups included."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.supervisor)
            return [own, *own.children(recursive=True)]
        return []

    def signal(self, number: signal.Signals) -> None:
        """Send its supervisor a signal, as a terminal or a service manager does."""
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop all its processes at once, as a machine that sleeps does."""
        for process in self.family():
            process.suspend()

    def thaw(self) -> None:
        """Let them go on."""
        for process in self.family():
            process.resume()

    def kill(self) -> None:
        """SIGKILL all its processes, as a power cut of its machine does."""
        family = self.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)
        wait_gone(family)

    def exit_code(self, timeout_s: float) -> int:
        """How it ended, waited for."""
        return self.process.wait(timeout_s)


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


def wait_gone(processes: Iterable[psutil.Process], timeout_s: float = 10.0) -> None:
    """Wait until none of them runs."""
    wait_until(lambda: not any(map(lives, processes)), timeout_s)


@contextmanager
def running_worker(
    settings: Settings, *options: str, machine: str = "", modules: Sequence[Path] = (), python: Path = PYTHON,
    under: Sequence[str] = (), url: str = "",
) -> Iterator[Worker]:  # fmt: skip
    """A worker whose engine is announced; it and all its processes are gone after the block.

    Args:
        settings: where its server and its key are.
        options: of the command, for example "--slots", "1".
        machine: the machine it believes to be on; empty: this one.
        modules: folders that its imports look into first.
        python: the interpreter that runs it.
        under: the command of a program that runs it.
        url: of the server, where it reaches it by another way.
    """
    worker = start_worker(
        settings, *options, machine=machine, modules=modules, python=python, under=under, url=url
    )  # fmt: skip
    try:
        wait_until(lambda: _is_up(worker), START_S)
        yield worker
    finally:
        worker.kill()


def key_variable(settings: Settings) -> dict[str, str]:
    """What says where the keys are, where they are not in the home."""
    return {"NBQUEUE_KEY_FILE": str(settings.key_file)} if settings.key_file is not None else {}


def start_worker(
    settings: Settings, *options: str, machine: str = "", modules: Sequence[Path] = (), python: Path = PYTHON,
    under: Sequence[str] = (), url: str = "",
) -> Worker:  # fmt: skip
    """A worker that has only just been started; whoever calls this kills it."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = len(list(settings.home.glob("worker-*.log")))
    log_file = settings.home / f"worker-{number}.log"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, modules), str(ROOT)]),
        "NBQUEUE_URL": url or (settings.url or "").replace(*LEAST_RIGHTS),
        "NBQUEUE_HOME": str(settings.home),
        "NBQUEUE_MACHINE": machine,
        "NBQUEUE_NAMESPACE": settings.namespace,
        **key_variable(settings),
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*under, python, "-m", "nbqueue", "worker", *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )  # fmt: skip
    return Worker(process=process, settings=settings, log_file=log_file)


def _is_up(worker: Worker) -> bool:
    if worker.process.poll() is not None:
        raise AssertionError(f"The worker ended with {worker.process.returncode}: {worker.log[-2000:]}")
    return bool(worker.engines())


def _admin(settings: Settings) -> redis.Redis:
    """Who may look at everything at the server of these settings, whoever their user is."""
    address = parse_url(str(settings.url))
    if address.kind == "sentinel":
        behind: redis.Redis = Sentinel(address.sentinels, socket_timeout=5).master_for(address.master)
        return behind
    if address.kind == "unix":
        return redis.Redis(unix_socket_path=address.path, socket_timeout=5)
    if address.tls:
        files: dict[str, Any] = {
            "ssl_ca_certs": address.ca_file,
            "ssl_certfile": address.cert_file,
            "ssl_keyfile": address.key_file,
        }
        return redis.Redis(host=address.host, port=address.port, ssl=True, socket_timeout=5, **files)
    return redis.Redis(host=address.host, port=address.port, password=address.password, socket_timeout=5)


def _announced(worker: Worker) -> dict[str, dict[bytes, bytes]]:
    """What its engines have written of themselves."""
    try:
        with _admin(worker.settings) as client:
            keys = Keys(worker.settings.namespace)
            names = [name.decode() for name in client.zrange(keys.leases, 0, -1)]
            found = {name: client.hgetall(keys.engine(name)) for name in names}
    except redis.RedisError:
        return {}
    return {
        name: fields for name, fields in found.items()
        if int(fields.get(b"supervisor", 0)) == worker.supervisor and psutil.pid_exists(int(fields[b"pid"]))
    }  # fmt: skip


@dataclass(frozen=True)
class Line:
    """What a job has written into the ledger."""

    word: str
    #: which job of the test wrote it
    name: str
    #: the process it ran in
    pid: int
    #: seconds on the clock of this machine that no one sets
    at: float


@dataclass(frozen=True)
class Ledger:
    """A file that jobs append lines to while they run: the truth about what ran, and when."""

    path: Path

    def lines(self, word: str = "", name: str = "") -> list[Line]:
        """The lines so far, or those of one word or job."""
        if not self.path.exists():
            return []
        rows = [row.split() for row in self.path.read_text(encoding="utf-8").splitlines()]
        found = [Line(row[0], row[1], int(row[2]), float(row[3])) for row in rows if len(row) == 4]
        return [line for line in found if word in ("", line.word) and name in ("", line.name)]

    def wait(self, word: str, name: str = "", *, times: int = 1, timeout_s: float = 20.0) -> list[Line]:
        """The lines of that word, once there are so many."""

        def enough() -> list[Line]:
            found = self.lines(word, name)
            return found if len(found) >= times else []

        return wait_until(enough, timeout_s)
