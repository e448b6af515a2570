"""The ties between a process and those it started: who dies with whom, who is left, what they use."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_OOM_SCORE_ADJ = 500
#: whether the kernel itself ends children with their parent and hands orphans to their ancestor
KERNEL_TIES = sys.platform.startswith("linux")
_PAGE_BYTES = resource.getpagesize()
_KILL_WAIT_S = 0.5
_IOLBF = 1

#: the C library of this process
LIBC = ctypes.CDLL(None)


def die_with(parent: int) -> bool:
    """Have the kernel kill this process when its parent dies; False where the parent is gone already.

    Where the platform has no such thing (see KERNEL_TIES) the process has to watch by itself.
    """
    if KERNEL_TIES:
        LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def live_on() -> None:
    """Undo `die_with`."""
    if KERNEL_TIES:
        LIBC.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of orphans among the descendants, so that none escapes from sight."""
    if KERNEL_TIES:
        LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def first_for_oom() -> None:
    """Let the kernel take this process before the engine when memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_ADJ), encoding="ascii")


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`, zombies included."""
    if not KERNEL_TIES:
        return _children_elsewhere(pid)
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def descendants(pid: int) -> Iterator[int]:
    """All processes below `pid`."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def next_dead() -> int | None:
    """A child of this process that has ended and was not reaped yet, or None."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        own = psutil.Process().children()
        return next((child.pid for child in own if child.status() == psutil.STATUS_ZOMBIE), None)
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None


def kill_group(pid: int) -> None:
    """SIGKILL the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill(pid: int) -> None:
    """SIGKILL one process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def kill_marked(variable: str) -> None:
    """SIGKILL all processes that were started with `NAME=value` in their environment."""
    name, _, value = variable.partition("=")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value:
                process.kill()


def kill_descendants() -> bool:
    """Kill and reap everything below this process; whether there was anything alive."""
    if not _reap_own():
        return False
    until = time.monotonic() + _KILL_WAIT_S
    while _reap_own() and time.monotonic() < until:
        for pid in list(descendants(os.getpid())):
            kill(pid)
        time.sleep(0.002)
    return True


def resident_bytes(pid: int) -> int:
    """Resident bytes of one process; 0 where it is gone."""
    try:
        if not KERNEL_TIES:
            return int(psutil.Process(pid).memory_info().rss)
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, psutil.Error):
        return 0


def family_bytes(pid: int, limit_bytes: int) -> int:
    """Resident bytes of a process and all below it; pages they share count once where that decides."""
    family = [pid, *descendants(pid)]
    total = sum(map(resident_bytes, family))
    if total <= limit_bytes or len(family) == 1:
        return total
    return sum(map(_proportional_bytes, family))


def line_buffered_stdout() -> None:
    """Have native code's standard output sent line by line, though it goes to a pipe."""
    LIBC.setvbuf(ctypes.c_void_p.in_dll(LIBC, "stdout" if KERNEL_TIES else "__stdoutp"), None, _IOLBF, 0)


def flush_native() -> None:
    """Send what native code's standard streams hold back."""
    LIBC.fflush(None)


def peak_bytes(maxrss: int) -> int:
    """Bytes of a `ru_maxrss`, whose unit differs between platforms."""
    return maxrss * 1024 if KERNEL_TIES else maxrss


def _proportional_bytes(pid: int) -> int:
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return resident_bytes(pid)


def _reap_own() -> bool:
    """Collect what has ended below this process; whether any of it still lives."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _children_elsewhere(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []
