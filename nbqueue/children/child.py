"""The main of a child: cut loose from the zygote, tied to its fate, and ready to run user code."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import io
import logging
import os
import resource
import socket
import sys
import threading
import time
from typing import Any

from nbqueue.children import choir, lineage, solo
from nbqueue.children.frames import SOLO

_HIGHEST_FD = 65_536
_LINE_BUFFERED = 1
_WATCH_S = 0.5


def main(kind: str, control: int, output: int, parent: int) -> int:
    """Serve runs until the engine closes the control socket; the exit code."""
    _tie_to(parent)
    sock = _plumb(control, output)
    _speak()
    _reseed()
    if kind == SOLO:
        solo.serve(sock)
    else:
        choir.serve(sock)
    _say_goodbye()
    return 0


def _tie_to(parent: int) -> None:
    os.setsid()
    if not lineage.die_with(parent):
        os._exit(1)
    if not lineage.KERNEL_TIES:
        threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True, name="nbqueue-watch").start()
    lineage.adopt_orphans()
    lineage.first_for_oom()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _outlive_nobody(parent: int) -> None:
    """Watch for the parent's end where the kernel does not."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    lineage.kill_group(os.getpid())


def _plumb(control: int, output: int) -> socket.socket:
    """Standard streams on the output pipe, the control socket above them, and nothing else open."""
    sock = socket.socket(fileno=os.dup(control))
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, sock.fileno())
    os.closerange(sock.fileno() + 1, _HIGHEST_FD)
    sock.set_inheritable(False)
    return sock


def _speak() -> None:
    """Output streams that are sent line by line, native ones too; crashes and logging go there as well."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open for as long as the process lives
    sys.stdout = sys.__stdout__ = _stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2)  # type: ignore[misc]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        lineage.line_buffered_stdout()
    faulthandler.enable(file=2, all_threads=True)
    root = logging.getLogger()
    root.handlers[:] = [CurrentStderr()]
    root.setLevel(logging.INFO)


def _say_goodbye() -> None:
    """What the end of an interpreter would do; a fork ends by os._exit instead."""
    atexit._run_exitfuncs()  # noqa: SLF001 - user code's exit functions are due
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    lineage.flush_native()


def _stream(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", buffering=_LINE_BUFFERED, encoding="utf-8", errors="backslashreplace", closefd=False)


def _reseed() -> None:
    """Give numpy's global generator a state of its own; copies of one process would all draw the same."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed()


class CurrentStderr(logging.StreamHandler[io.TextIOBase]):
    """A handler that writes to whatever `sys.stderr` is at the time, in a short format; to another stream if given one.

    Libraries give one: Pyomo does while a solver runs, and gives back what was there before.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self._given: io.TextIOBase | None = None
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    @property
    def stream(self) -> Any:
        """The stream that was given, or that of now."""
        return self._given or sys.stderr

    @stream.setter
    def stream(self, given: io.TextIOBase) -> None:
        self._given = None if given is sys.stderr else given
