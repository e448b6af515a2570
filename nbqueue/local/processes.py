"""Starting processes that outlive us, and knowing later whether they still run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from nbqueue.errors import LocalStackError
from nbqueue.local import locks
from nbqueue.local.home import open_private, read_if_there, write_private

#: a shell starts it in the background and ends: no parent is left that could take it along or leave it a zombie
_DETACH = '"$@" >&2 & echo $!'
#: how often an end is looked for
LOOK_AGAIN_S = 0.005


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process, told apart from a later one of the same number."""

    #: process id
    pid: int
    #: changes when the number is given to another process
    mark: str

    def is_running(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return start_mark(self.pid) == self.mark

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.is_running():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def save(self, path: Path) -> None:
        """Write it down for other processes."""
        write_private(path, json.dumps({"pid": self.pid, "mark": self.mark}))


def load_record(path: Path) -> ProcessRecord | None:
    """The process a file tells of, if it still runs."""
    try:
        stored = json.loads(read_if_there(path) or "{}")
        record = ProcessRecord(pid=int(stored["pid"]), mark=str(stored["mark"]))
    except (ValueError, KeyError, TypeError):
        return None
    return record if record.is_running() else None


def holder(lock: Path, record: Path) -> ProcessRecord | None:
    """The process that holds a lock: the one that was written down, or else whoever has the file open."""
    if not locks.is_held(lock):
        return None
    return load_record(record) or _found_by_file(lock)


def record_of(pid: int) -> ProcessRecord | None:
    """A record of a process that runs now."""
    mark = start_mark(pid)
    return ProcessRecord(pid=pid, mark=mark) if mark else None


def start_mark(pid: int) -> str:
    """What tells a process from a later one of the same number; empty if it does not run."""
    if sys.platform == "linux":
        return _linux_mark(pid)
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.3f}"
    except psutil.Error:
        return ""


def _found_by_file(path: Path) -> ProcessRecord | None:
    """The leader among those who keep a file open; slow, for when a record is missing.

    Looked at twice: another process may have it open for a moment, to see whether the lock is held.
    """
    file = str(path.resolve())
    once = [process for process in psutil.process_iter() if _has_open(process, file)]
    time.sleep(LOOK_AGAIN_S)
    found = [process.pid for process in once if _has_open(process, file)]
    leaders = [pid for pid in found if os.getsid(pid) == pid]
    return record_of((leaders or found)[0]) if found else None


def _has_open(process: psutil.Process, path: str) -> bool:
    try:
        return process.pid != os.getpid() and any(file.path == path for file in process.open_files())
    except psutil.Error:
        return False


def _linux_mark(pid: int) -> str:
    """Ticks since boot at which it started: unlike a time of day it does not move when the clock is set."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in {"Z", "X"} else f"{boot}:{fields[19]}"


def spawn_detached(
    command: Sequence[str], *, log: Path, lock: int, environment: Mapping[str, str], folder: Path, umask: int = -1
) -> int:
    """Start a process in a session of its own that nobody waits for; it holds `lock` for its life. Returns its id."""
    with open_private(log, "ab") as output:
        shell = subprocess.run(  # noqa: S603 (our own commands)
            ["/bin/sh", "-c", _DETACH, "nbqueue", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            pass_fds=[lock],
            env=dict(environment),
            cwd=folder,
            umask=umask,
            check=False,
        )
    if shell.returncode:
        raise LocalStackError(f"The system starts no more processes for you (see {log}): end some and try again.")
    return int(shell.stdout)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Look again and again until a condition holds; False if it never did."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True
