"""The processes a test has started, directly or by daemons that left its tree."""

import time
from pathlib import Path

import psutil

#: helpers of the standard library and joblib that live once per process, by design
EXEMPT = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "loky.backend.resource_tracker")


def children() -> set[psutil.Process]:
    """All live descendants of this process."""
    return {child for child in psutil.Process().children(recursive=True) if _lives(child)}


def left_behind(before: set[psutil.Process], home: Path, grace_s: float = 3.0) -> set[psutil.Process]:
    """What lives after `grace_s` and was not there `before`: our descendants, and all that belongs to `home`."""
    end = time.monotonic() + grace_s
    while (left := (children() - before) | daemons(home)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def daemons(home: Path) -> set[psutil.Process]:
    """All live processes started with NBQUEUE_HOME=`home`, whoever their parent is by now."""
    return {process for process in psutil.process_iter() if _belongs(process, home) and _lives(process)}


def describe(process: psutil.Process) -> str:
    """One line about a process."""
    try:
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid} (gone by now)"


def kill(left: set[psutil.Process]) -> None:
    """End these processes at once."""
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=5)


def _belongs(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("NBQUEUE_HOME") == str(home)
    except (psutil.Error, OSError):
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        dead = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return not dead and not any(name in word for word in process.cmdline() for name in EXEMPT)
    except psutil.Error:
        return False
