"""What a child looked like before a run, put back after it; and whether it is still fit for the next."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from pathlib import Path

from nbqueue.worker import lineage
from nbqueue.worker.courier import THREADS
from nbqueue.worker.guard import Guard

#: what numeric libraries take their number of threads from
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
#: so many more open files than at the start are a leak
_LEAKED_FILES = 32


class Upkeep:
    """The state of a fresh child: streams, folder, environment, paths, signals, logging."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._folder = Path.cwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        root = logging.getLogger()
        self._logging = root.level, list(root.handlers)
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
        self._guard.install()
        sys.path[:] = self._path
        root = logging.getLogger()
        if root.level != self._logging[0] or root.handlers != self._logging[1]:
            root.setLevel(self._logging[0])
            root.handlers[:] = self._logging[1]
        clean = self._restore_process(), not _left_threads(), not lineage.kill_descendants()
        return all(clean)

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
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(cpus)))


def _identity() -> tuple[int, int]:
    """What the output descriptors stand for."""
    return os.fstat(1).st_ino, os.fstat(2).st_ino


def _lowest_free() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor
