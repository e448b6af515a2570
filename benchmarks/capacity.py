"""`python -m benchmarks.capacity`: what one server carries, by what it spends on a job, a waiting job and a worker.

The server runs commands on one core, so what it spends of that core is what its limit follows from, on a machine that
has other work as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbqueue
from nbqueue.broker.address import parse_url
from nbqueue.broker.signing import Keyring
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.in_process import InProcessWorker
from tests.servers import Server, running_server

ROOT = Path(__file__).parent.parent
TASKS = """
import nbqueue

@nbqueue.task("nothing")
async def nothing(number):
    return number
"""
#: how many workers have nothing to do; seconds until they have counted one another, and in which they are watched
IDLE, SETTLED_S, WATCHED_S = (10, 100), 15.0, 15.0
LOT = 10_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server spent on something."""

    #: seconds of its core, and of the clock
    cpu_s: float
    wall_s: float
    #: bytes it holds more than before
    held: int
    commands: int


class Meter:
    """Reads the server's own counters."""

    def __init__(self, server: Server) -> None:
        self._client = server.client()

    @contextmanager
    def reading(self) -> Iterator[list[Spent]]:
        """What was spent in the block, in the list after it."""
        found: list[Spent] = []
        before, began = self._look(), time.monotonic()
        yield found
        after = self._look()
        cpu, held, commands = (now - then for now, then in zip(after, before, strict=True))
        found.append(Spent(cpu, time.monotonic() - began, int(held), int(commands)))

    def _look(self) -> tuple[float, float, float]:
        told: dict[str, Any] = self._client.info("everything")
        cpu = told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"]
        return cpu, told["used_memory"], told["total_commands_processed"]


@contextmanager
def workers(server: Server, folder: Path, count: int) -> Iterator[None]:
    """A worker with so many engines, all of them there and over their start, until the end of the block."""
    command = [sys.executable, "-m", "nbqueue", "worker", "capacity_tasks", "--slots", "1", "--processes", str(count)]
    environment = {**os.environ, "NBQUEUE_URL": server.url, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)  # noqa: S603 - our own
    try:
        while engines(server) < count:
            if process.poll() is not None:
                raise SystemExit(f"The worker has ended: {(folder / 'worker.log').read_text(encoding='utf-8')}")
            time.sleep(0.2)
        time.sleep(5.0)
        yield
    finally:
        process.terminate()
        process.wait(60)


def engines(server: Server) -> int:
    """How many hold a lease."""
    with server.client() as client:
        return int(client.zcard("nbq:leases"))


def submit(count: int) -> None:
    """Put jobs into the queue, as notebooks do with `submit_map`."""
    for at in range(0, count, LOT):
        nbqueue.submit_map("nothing", range(at, min(at + LOT, count))).wait(600)


def drained(server: Server) -> None:
    """Wait until no job waits or runs."""
    with server.client() as client:
        while client.zcard("arq:queue:default"):
            time.sleep(0.05)


def measure(jobs: int, folder: Path) -> Iterator[tuple[str, str]]:
    """What and how much, a line each."""
    with running_server(appendonly="yes", appendfsync="everysec") as server:
        nbqueue.configure(nbqueue.Settings(url=server.url))
        meter = Meter(server)
        for count in IDLE:
            yield asyncio.run(_idle(server, meter, folder, count))
        yield from _waiting(meter, jobs)
        for count in (1, 2):
            if count > 1:
                submit(jobs)
            yield from _of_jobs(_run(server, meter, folder, count), jobs, count)
            yield _of_results(server, meter, jobs)
        with meter.reading() as found:
            one_by_one = jobs // 20
            for number in range(one_by_one):
                nbqueue.submit("nothing", number).wait(60)
        yield "server's time for a submit of one job", f"{found[0].cpu_s / one_by_one * 1e6:.0f} µs"


def _run(server: Server, meter: Meter, folder: Path, count: int) -> Spent:
    """What the jobs that wait cost from the moment so many engines may begin."""
    queue = nbqueue.Queue("default")
    queue.pause().wait(60)
    with workers(server, folder, count), meter.reading() as found:
        queue.resume().wait(60)
        drained(server)
    return found[0]


async def _idle(server: Server, meter: Meter, folder: Path, count: int) -> tuple[str, str]:
    """So many engines that have nothing to do, each a worker of its own, all in this process."""
    config = WorkerConfig(address=parse_url(server.url), slots=1)
    keyring = Keyring.load(folder / "idle" / "signing.key")
    those = [InProcessWorker(config, keyring) for _ in range(count)]
    for worker in those:
        await worker.start()
    await asyncio.sleep(SETTLED_S)
    with meter.reading() as found:
        await asyncio.sleep(WATCHED_S)
    for worker in those:
        await worker.close()
    with server.client() as client:
        client.flushall()
    share, commands = found[0].cpu_s / found[0].wall_s / count, found[0].commands / found[0].wall_s / count
    return f"each of {count} workers that have no work", f"{share:.3%} of the server's core, {commands:.0f} commands/s"


def _waiting(meter: Meter, jobs: int) -> Iterator[tuple[str, str]]:
    with meter.reading() as found:
        submit(jobs)
    spent = found[0]
    yield f"memory of a waiting job, of {jobs:,}", f"{spent.held / jobs:.0f} bytes"
    yield "submitted by one client with submit_map", f"{jobs / spent.wall_s:,.0f} jobs/s"
    yield "server's time for a job of a submit_map", f"{spent.cpu_s / jobs * 1e6:.0f} µs"


def _of_jobs(spent: Spent, jobs: int, count: int) -> Iterator[tuple[str, str]]:
    yield f"{count} engines ran, of coroutines that do nothing", f"{jobs / spent.wall_s:,.0f} jobs/s"
    yield f"server's time for a job, claim to end ({count} engines)", f"{spent.cpu_s / jobs * 1e6:.0f} µs"
    yield (
        f"memory of an ended job with its history and result ({count} engines)",
        f"{spent.held / jobs:.0f} bytes more than waiting",
    )


def _of_results(server: Server, meter: Meter, jobs: int) -> tuple[str, str]:
    """Results go before the rest of a job does: what they alone took."""
    with meter.reading() as found, server.client() as client:
        keys = list(client.scan_iter("arq:result:*", count=LOT))
        for at in range(0, len(keys), LOT):
            client.delete(*keys[at : at + LOT])
    return "of that its result", f"{-found[0].held / jobs:.0f} bytes"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="how many wait at once")
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="nbq-capacity-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "capacity_tasks.py").write_text(TASKS, encoding="utf-8")
        os.environ["NBQUEUE_HOME"] = str(folder)
        os.environ["NBQUEUE_NONINTERACTIVE"] = "1"
        print("| what | measured |\n|---|---|")
        for what, how_much in measure(jobs, folder):
            print(f"| {what} | {how_much} |", flush=True)


if __name__ == "__main__":
    main()
