"""The servers, and one turn of a contestant on one of them: an empty store, its programs started, warmed up, ended."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.environments import environment
from benchmarks.plan import Plan
from benchmarks.players import Player, player
from tests.servers import Server, running_server

WARM_UP_JOBS = 100
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Arena:
    """Two servers with the same settings but for `appendfsync`, and a folder for logs and keys."""

    servers: dict[str, tuple[Server, int]]
    folder: Path
    plan: Plan


class Turn:
    """A contestant that is ready to be measured."""

    def __init__(
        self, contestant: Contestant, server: Server, driver: Player, worker: Player | None, version: str
    ) -> None:
        self._contestant, self._server, self._worker = contestant, server, worker
        #: the process that submits, and the version it said it has
        self.driver, self.version = driver, version

    def warm_up(self) -> None:
        """Run some jobs first; after this the worker has started."""
        self.driver.ask("fill", count=WARM_UP_JOBS)
        self.driver.ask("finish", timeout_s=START_S)

    def fill(self, count: int) -> float:
        """Submit so many; the seconds it took."""
        return float(self.driver.ask("fill", count=count)["seconds"])

    def drained(self, count: int) -> float:
        """Seconds from the moment the worker may start until the last of so many jobs has ended."""
        if self._contestant.hold == "cannot":
            return float(self.driver.ask("both", count=count)["seconds"])
        self.fill_held(count)
        return self.emptied()

    def fill_held(self, count: int) -> None:
        """Submit so many while the worker may not start any."""
        self._hold()
        self.fill(count)

    def emptied(self) -> float:
        """Let the worker start; seconds until the last job has ended."""
        began = perf_counter()
        self._release()
        self.driver.ask("finish")
        return perf_counter() - began

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of processor time that the server and the worker have taken."""
        with self._server.client() as client:
            told = client.info("cpu")
        server = float(told["used_cpu_user"]) + float(told["used_cpu_sys"])
        return server, self._worker.cpu_s() if self._worker else 0.0

    def latencies_s(self, count: int, limit_s: float) -> list[float]:
        """Seconds from submit to result, one job after another."""
        reply: dict[str, Any] = self.driver.ask("latency", count=count, limit_s=limit_s)
        return [float(sample) for sample in reply["samples_s"]]

    def _hold(self) -> None:
        if self._contestant.hold == "pause the queue":
            self.driver.ask("hold")
        elif self._worker is not None:
            self._worker.stop()

    def _release(self) -> None:
        if self._contestant.hold == "pause the queue":
            self.driver.ask("release")
        elif self._worker is not None:
            self._worker.go_on()


@contextmanager
def open_arena(plan: Plan) -> Iterator[Arena]:
    """Servers that keep everything in an append-only file, as long as the block runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nbq-bench-")))
        servers = {fsync: stack.enter_context(_server(fsync)) for fsync in ("everysec", "always")}
        yield Arena(servers, folder, plan)


@contextmanager
def small_arena(of: Arena) -> Iterator[Arena]:
    """One more, with a server and a folder of its own, beside the first."""
    with tempfile.TemporaryDirectory(dir=of.folder) as folder, _server("everysec") as server:
        yield Arena({"everysec": server}, Path(folder), of.plan)


@contextmanager
def started(arena: Arena, contestant: Contestant, role: str, **variables: str) -> Iterator[Player]:
    """A process of a contestant: the program that submits (`drive`), or a worker (`work`)."""
    place = environment(contestant)
    server, port = arena.servers[contestant.fsync]
    given = {**place.variables, **_variables(arena, server, port), **variables}
    command = [*place.command, role, contestant.variant]
    with player(command, given, arena.folder / f"{contestant.module}.log") as process:
        yield process


@contextmanager
def turn(arena: Arena, contestant: Contestant, *, working: bool = True) -> Iterator[Turn]:
    """A contestant on an empty server; with `working`, its worker runs and is warm."""
    server, _ = arena.servers[contestant.fsync]
    with server.client() as client:
        client.flushall()
    with ExitStack() as stack:
        worker = None
        if working and contestant.has_worker:
            worker = stack.enter_context(started(arena, contestant, "work"))
        driver = stack.enter_context(started(arena, contestant, "drive"))
        version = str(driver.ask("", timeout_s=START_S)["version"])
        ready = Turn(contestant, server, driver, worker, version)
        if working:
            ready.warm_up()
        yield ready


def _variables(arena: Arena, server: Server, port: int) -> dict[str, str]:
    home = arena.folder / "home"
    return {
        "BENCH_SOCKET": str(server.path), "BENCH_PORT": str(port), "BENCH_CONCURRENCY": str(arena.plan.concurrency),
        "NBQUEUE_URL": server.url, "NBQUEUE_HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


@contextmanager
def _server(fsync: str) -> Iterator[tuple[Server, int]]:
    port = _free_port()
    options = {"appendonly": "yes", "appendfsync": fsync, "port": str(port), "bind": "127.0.0.1"}
    with running_server(**options) as server:
        yield server, port


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
