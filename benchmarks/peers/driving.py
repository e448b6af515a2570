"""What every peer offers, and the loop that lets the benchmark drive it: one JSON request a line, one reply a line.

A peer runs in an environment of its own, without nbqueue: this file needs the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

#: the server's socket, the port of the same server, and how many jobs a worker may run at once
SOCKET = os.environ.get("BENCH_SOCKET", "")
PORT = int(os.environ.get("BENCH_PORT", "0"))
CONCURRENCY = int(os.environ.get("BENCH_CONCURRENCY", "200"))
UNIX_URL = f"unix://{SOCKET}"
#: between two looks whether all jobs have ended, and between two jobs of an idle worker
LOOK_S, IDLE_S = 0.01, 0.005
#: seconds of a job that is there to be killed
STAY_S = 3600


class Peer(Protocol):
    """One queue, seen from a program that submits; `work` is its worker, in a process of its own."""

    #: the distribution whose version is reported
    distribution: str

    async def open(self) -> None:
        """Connect."""

    async def fill(self, count: int) -> None:
        """Submit so many no-op jobs, the quickest way the queue documents."""

    async def left(self) -> int:
        """How many jobs have not ended."""

    async def once(self, number: int) -> int:
        """The result of one no-op job, which is its argument."""

    def work(self) -> None:
        """Be the worker, until killed."""


def main(peer: Peer) -> None:
    """Be the worker (`work`) or the program that submits (`drive`)."""
    if sys.argv[1] == "work":
        peer.work()
    else:
        asyncio.run(_drive(peer))


def is_first_start(ledger: str) -> bool:
    """Write into the file that a job starts here and now; whether none did before."""
    path = Path(ledger)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(f"{os.getpid()} {time.time()}\n")
    return len(path.read_text(encoding="utf-8").splitlines()) == 1


async def _drive(peer: Peer) -> None:
    await peer.open()
    _say({"version": _version(peer.distribution)})
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            _say(await _answer(peer, json.loads(line)))
        except Exception as error:  # noqa: BLE001 - the other end reports it
            _say({"error": f"{type(error).__name__}: {error}"})
    os._exit(0)  # a peer's threads may not end by themselves


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "from its folder"


async def _answer(peer: Any, request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "fill":
            return await _timed(peer.fill(request["count"]))
        case "finish":
            return await _timed(_finish(peer))
        case "both":
            return await _timed(_fill_and_finish(peer, request["count"]))
        case "latency":
            return {"samples_s": await _latency(peer, request["count"], request["limit_s"])}
        case other:
            given = {name: value for name, value in request.items() if name != "do"}
            began = time.perf_counter()
            answer = await getattr(peer, other)(**given)
            return {"seconds": time.perf_counter() - began, "answer": answer, "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    """The most memory this process ever had; getrusage tells of the process that started it, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


async def _timed(work: Any) -> dict[str, Any]:
    began = time.perf_counter()
    await work
    return {"seconds": time.perf_counter() - began}


async def _finish(peer: Peer) -> None:
    while await peer.left():  # noqa: ASYNC110 - another process ends the jobs
        await asyncio.sleep(LOOK_S)


async def _fill_and_finish(peer: Peer, count: int) -> None:
    await peer.fill(count)
    await _finish(peer)


async def _latency(peer: Peer, count: int, limit_s: float) -> list[float]:
    samples: list[float] = []
    end = time.perf_counter() + limit_s
    while len(samples) < count and time.perf_counter() < end:
        began = time.perf_counter()
        value = await peer.once(len(samples))
        samples.append(time.perf_counter() - began)
        if value != len(samples) - 1:
            raise ValueError(f"The job returned {value!r}, not its argument {len(samples) - 1}.")
        await asyncio.sleep(IDLE_S)
    return samples


def _say(reply: dict[str, Any]) -> None:
    print(json.dumps(reply), flush=True)
