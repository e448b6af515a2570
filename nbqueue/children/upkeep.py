"""What a child looked like before a run, put back after it; and whether it is still fit for the next."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from nbqueue.children import lineage
from nbqueue.children.courier import THREADS
from nbqueue.children.guard import Guard

#: what numeric libraries take their number of threads from
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
#: those of them that are ours to set, where whoever started the worker has said nothing: set in the zygote
OPEN_VARIABLES: tuple[str, ...] = THREAD_VARIABLES
#: so many more open files than at the start are a leak
_LEAKED_FILES = 32
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))


class Upkeep:
    """The state of a fresh child: streams, folder, environment, paths, signals, timers, masks, logging."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._folder = Path.cwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        root = logging.getLogger()
        self._logging = root.level, list(root.handlers)
        self._handlers = [signal.getsignal(number) for number in _SIGNALS]
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._recursion_limit = sys.getrecursionlimit()
        self._bounds = _bounds()
        self._lowest_free = _lowest_free()
        self._output = _identity()

    def flush(self) -> None:
        """Send all output that is held back, whatever user code did to the streams."""
        for stream in {sys.stdout, sys.stderr, self._streams[1], self._streams[2]}:
            with contextlib.suppress(Exception):
                stream.flush()
        lineage.flush_native()

    def restore(self) -> bool:
        """Put everything back; False where something stays that the next run must not meet."""
        sys.stdin, sys.stdout, sys.stderr = self._streams
        self._restore_signals()
        sys.path[:] = self._path
        sys.setrecursionlimit(self._recursion_limit)
        os.umask(self._umask)
        root = logging.getLogger()
        if root.level != self._logging[0] or root.handlers != self._logging[1]:
            root.setLevel(self._logging[0])
            root.handlers[:] = self._logging[1]
        clean = (
            self._restore_process(), _bounds() == self._bounds, not _left_threads(), not lineage.kill_descendants(),
        )  # fmt: skip
        return all(clean)

    def _restore_signals(self) -> None:
        """Handlers and masks as they were, and no timer left that would go off in the next run."""
        for timer in _TIMERS:
            signal.setitimer(timer, 0)
        self._guard.install()
        for number, handler in zip(_SIGNALS, self._handlers, strict=True):
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def _restore_process(self) -> bool:
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        try:
            if Path.cwd() != self._folder:
                os.chdir(self._folder)
            leaked = _lowest_free() - self._lowest_free
            return 0 <= leaked < _LEAKED_FILES and _identity() == self._output
        except OSError:
            return False


def _left_threads() -> bool:
    return any(
        thread is not threading.main_thread() and not thread.name.startswith(THREADS)
        for thread in threading.enumerate()
    )


def give_threads(cpus: int) -> None:
    """Let numeric libraries that are loaded later use so many threads (until `restore`)."""
    if cpus > 1:
        os.environ.update(dict.fromkeys(OPEN_VARIABLES, str(cpus)))


def enter(folder: str) -> None:
    """Go to a folder (until `restore`); where there is none of that name, or none to be entered, stay."""
    with contextlib.suppress(OSError, ValueError):
        os.chdir(folder)


def _bounds() -> list[Any]:
    """What a process may use. Some of it can be lowered and never raised again."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    return [affinity, os.getpriority(os.PRIO_PROCESS, 0), *map(resource.getrlimit, _LIMITS)]


def _identity() -> tuple[int, int]:
    """What the output descriptors stand for."""
    return os.fstat(1).st_ino, os.fstat(2).st_ino


def _lowest_free() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor
