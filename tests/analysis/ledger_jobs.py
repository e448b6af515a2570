"""Jobs that write down themselves what they do, for tests that hold the history to it."""

import ctypes
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import nbqueue


def note(ledger: str, word: str, **more: Any) -> None:
    """Append what happens now, and to whom, in one write that nothing can tear."""
    job = nbqueue.current_job()
    line = {"word": word, "job": job.id if job else "", "attempt": job.attempt if job else 0, "at": time.time(),
            "pid": os.getpid(), **more}  # fmt: skip
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def lines(ledger: Path, word: str = "") -> list[dict[str, Any]]:
    """What was written so far."""
    found = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()] if ledger.exists() else []
    return [line for line in found if word in ("", line["word"])]


def work(ledger: str, seconds: float = 0.02, *, busy: bool = False) -> str:
    """Take some time, of a processor if `busy`."""
    note(ledger, "begin")
    clock = time.process_time if busy else time.monotonic
    end = clock() + seconds
    nbqueue.report(best=41)
    nbqueue.progress(3, 4, "nearly")
    while clock() < end:
        if not busy:
            time.sleep(0.005)
    nbqueue.report(best=42)
    note(ledger, "end")
    return "x" * 5000


def fail(ledger: str, text: str) -> None:
    """Raise."""
    note(ledger, "begin")
    note(ledger, "end")
    raise ValueError(text)


def fail_until(ledger: str, attempt: int) -> int:
    """Raise in the attempts before that one."""
    note(ledger, "begin")
    job = nbqueue.current_job()
    note(ledger, "end")
    if job is None or job.attempt < attempt:
        raise ConnectionError("not yet\nsecond line")
    return job.attempt


def die(ledger: str, how: str) -> None:
    """End this process."""
    note(ledger, "begin")
    note(ledger, "end")
    if how == "exit":
        os._exit(7)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.string_at(0)


def wait(ledger: str, gate: str) -> None:
    """Run until a file is there."""
    note(ledger, "begin")
    while not Path(gate).exists():
        time.sleep(0.01)
    note(ledger, "end")


def split(ledger: str, number: int) -> list[str]:
    """Submit others from inside, and wait for them."""
    note(ledger, "begin")
    group = nbqueue.submit_map(work, [ledger] * number).wait()
    group.wait()
    note(ledger, "end", children=[job.id for job in group])
    return [job.id for job in group]
