"""What the jobs of these tests do; each writes into the ledger what it has really done."""

import asyncio
import ctypes
import logging
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbqueue


def note(ledger: str, word: str, name: str) -> None:
    """Append one line, in one write that nothing can tear."""
    line = f"{word} {name} {os.getpid()} {time.monotonic():.6f}\n"
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def quick(ledger: str, name: str) -> str:
    """Begin and end at once."""
    note(ledger, "ran", name)
    return name


async def quick_async(ledger: str, name: str) -> str:
    """The same in a loop, with a moment in it."""
    await asyncio.sleep(0.05)
    note(ledger, "ran", name)
    return name


def until_told(ledger: str, name: str, gate: str, most_s: float = 100.0) -> str:
    """Run until a file exists, in short steps."""
    note(ledger, "begin", name)
    end = time.monotonic() + most_s
    while not Path(gate).exists() and time.monotonic() < end:
        time.sleep(0.02)
    note(ledger, "end", name)
    return name


async def until_told_async(ledger: str, name: str, gate: str) -> str:
    """The same as a coroutine."""
    note(ledger, "begin", name)
    while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - the gate is a file, so that any process sees it
        await asyncio.sleep(0.02)
    note(ledger, "end", name)
    return name


def ticking(ledger: str, name: str, gate: str) -> str:
    """Run until a file exists; each 50 ms this very run gives a sign of life."""
    run = f"run-{secrets.token_hex(4)}"
    while not Path(gate).exists():
        note(ledger, run, name)
        time.sleep(0.05)
    return name


async def ticking_async(ledger: str, name: str, gate: str) -> str:
    """The same as a coroutine."""
    run = f"run-{secrets.token_hex(4)}"
    while not Path(gate).exists():  # noqa: ASYNC240 - as above
        note(ledger, run, name)
        await asyncio.sleep(0.05)
    return name


async def swallowing(ledger: str, name: str) -> str:
    """Catch every cancellation and go on."""
    note(ledger, "begin", name)
    while True:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            note(ledger, "swallowed", name)


def stubborn(ledger: str, name: str) -> None:
    """Ignore SIGINT and SIGTERM, and catch whatever is raised."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(ledger, "begin", name)
    while True:
        time.sleep(0.05)


def count_for(ledger: str, name: str, seconds: float) -> int:
    """Pure Python that never gives way, with a sign of life each 50 ms."""
    note(ledger, "begin", name)
    began = told = time.monotonic()
    number = 0
    while (now := time.monotonic()) - began < seconds:
        number += 1
        if now - told > 0.05:
            told = now
            note(ledger, "alive", name)
    note(ledger, "end", name)
    return number


def regex(ledger: str, name: str) -> None:
    """C code that holds the interpreter's lock for longer than anyone waits."""
    note(ledger, "begin", name)
    re.match(r"(a+)+$", "a" * 40 + "b")


def big_power(ledger: str, name: str) -> int:
    """The same by arithmetic: the decimal digits of a number of 1.7 million of them."""
    note(ledger, "begin", name)
    sys.set_int_max_str_digits(0)
    return sum(len(str(7**2_000_000)) for _ in range(1000))


def in_thread(ledger: str, name: str) -> None:
    """Wait for a thread that cannot be stopped."""

    def spin() -> None:
        note(ledger, "begin", name)
        while True:
            time.sleep(0.05)

    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()


def segfault(ledger: str, name: str) -> None:
    """Read what is not there."""
    note(ledger, "begin", name)
    ctypes.string_at(0)


async def segfault_async(ledger: str, name: str) -> None:
    """The same in a loop that others share."""
    note(ledger, "begin", name)
    await asyncio.sleep(0.1)
    ctypes.string_at(0)


def leave(ledger: str, name: str, how: str) -> None:
    """End the process, or try to."""
    note(ledger, "begin", name)
    if how == "os._exit":
        os._exit(3)
    raise SystemExit(3)


def eat(ledger: str, name: str, bytes_in_all: int) -> int:
    """Take memory piece by piece, and touch it."""
    note(ledger, "begin", name)
    held = []
    for _ in range(bytes_in_all // 10_000_000):
        held.append(b"\x01" * 10_000_000)
        time.sleep(0.01)
    return len(held)


def oom_scores() -> tuple[int, int]:
    """How soon the kernel takes this process, and its parent's parent: the engine."""
    mine = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    parent = os.getppid()
    stat = Path(f"/proc/{parent}/stat").read_text(encoding="ascii")
    engine = int(stat.rpartition(")")[2].split()[1])
    return mine, int(Path(f"/proc/{engine}/oom_score_adj").read_text(encoding="ascii"))


def with_grandchildren(ledger: str, name: str, *, wait: bool) -> None:
    """Leave processes behind: one in the job's group, one that left it, one whose parent has ended."""
    sleepers = [
        subprocess.Popen(["sleep", "600"]),
        subprocess.Popen(["sleep", "600"], start_new_session=True),
    ]
    orphan = subprocess.run(
        ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True, check=True
    ).stdout
    for pid in (*(sleeper.pid for sleeper in sleepers), int(orphan)):
        note(ledger, f"grandchild-{pid}", name)
    note(ledger, "begin", name)
    if wait:
        sleepers[0].wait()


class Hostile:
    """A value that nothing can be asked of."""

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def troubled() -> str:
    """Report what cannot be reported, and log to what cannot log."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print(f"the handler is broken: {record.getMessage()}")  # noqa: T201 - to the job's log
            try:
                raise RuntimeError("broken")  # noqa: TRY301 - as it looks from inside of a handler
            except RuntimeError:
                self.handleError(record)

    logging.getLogger().addHandler(Broken())
    logging.getLogger().warning("a line")
    hostile: Any = Hostile()
    nbqueue.progress(hostile, hostile, hostile)
    nbqueue.report(value=hostile)
    nbqueue.progress(1, 2, "well")
    return "done"


def bad_stop(ledger: str, name: str) -> None:
    """Be told to stop by a function that raises."""

    def fail() -> None:
        raise RuntimeError("the stop callback is broken")

    nbqueue.on_stop(fail)
    note(ledger, "begin", name)
    time.sleep(60)


def storm(seconds: float) -> int:
    """Report progress as fast as it goes; how often."""
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        nbqueue.progress(number, message=f"step {number}")
    nbqueue.progress(number + 1, number + 1, "last")
    return number


def paced(rounds: int) -> list[tuple[float, float]]:
    """Processor seconds of a thousand steps of about 0.1 ms, without and with a report after each, by turns."""
    return [(_thousand(report=False), _thousand(report=True)) for _ in range(rounds)]


def _thousand(*, report: bool) -> float:
    began = time.process_time()
    value: Any = 0
    for number in range(1000):
        for step in range(1500):
            value = (value + step) % 1009
        if report:
            nbqueue.progress(number, 1000)
    return time.process_time() - began
