"""The standard output of a process, read line by line as it is written, by native code and child processes too."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import io
import logging
import os
import select
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator

from nbqueue.solvers import pump

_STDOUT = 1
_READ_BYTES = 65_536
#: seconds between two looks whether native code holds lines back
_FLUSH_S = 0.1
#: what is left when a block ends is read within this
_END_S = 5.0
#: a line is cut here: no solver writes one so long
_LONGEST = 10_000

#: standard output belongs to the process: one capture at a time
_capturing = threading.Lock()


@contextlib.contextmanager
def captured(take: Callable[[str], object]) -> Iterator[bool]:
    """Give `take`, in a thread, each line that this process and its children write to standard output in the block.

    All goes where it would have gone too. Gives whether lines are taken: they are not where another block of this
    process takes them already, or the machine has no terminals to give. Child processes see a terminal, so that they
    write their lines at once.
    """
    if not _capturing.acquire(blocking=False):
        yield False
        return
    try:
        with contextlib.ExitStack() as stack:
            yield _begin(take, stack)
    finally:
        _capturing.release()


def _begin(take: Callable[[str], object], stack: contextlib.ExitStack) -> bool:
    try:
        terminal, ours = os.openpty()
    except OSError:
        return False
    stack.callback(os.close, ours)
    tty.setraw(ours)
    out = os.dup(_STDOUT)
    stack.callback(os.close, out)
    end = b"\0" + os.urandom(16).hex().encode() + b"\n"
    copy, theirs = os.pipe()
    process = _pump(terminal, out, theirs, end)
    for descriptor in (terminal, theirs):
        os.close(descriptor)
    reader = _Reader(copy, take)
    stack.callback(_finish, process, reader)
    _flush()
    stack.enter_context(_by_lines())
    os.dup2(ours, _STDOUT)
    stack.callback(_restore, out, ours, end)
    reader.start()
    return True


@contextlib.contextmanager
def _by_lines() -> Iterator[None]:
    """Have Python write each line at once, as it does to a terminal: in its turn among those of native code."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream.line_buffering:
        yield
        return
    stream.reconfigure(line_buffering=True)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # it was closed meanwhile
            stream.reconfigure(line_buffering=False)


def _pump(terminal: int, out: int, reader: int, end: bytes) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", pump.__file__, *map(str, (terminal, out, reader)), end.hex()]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, pass_fds=(terminal, out, reader))  # noqa: S603 - it is ours


def _restore(out: int, ours: int, end: bytes) -> None:
    """Standard output is again what it was; what was written until now is read before what says that it was all."""
    _flush()
    os.dup2(out, _STDOUT)
    os.write(ours, end)


def _finish(process: subprocess.Popen[bytes], reader: _Reader) -> None:
    try:
        reader.join(_END_S)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:  # where it should write to, nobody reads
        process.kill()
        process.wait()


class _Reader(threading.Thread):
    """Takes lines from the pump's copy."""

    def __init__(self, copy: int, take: Callable[[str], object]) -> None:
        super().__init__(daemon=True, name="nbqueue-lines")
        self._copy = copy
        self._take = take
        self._context = contextvars.copy_context()

    def run(self) -> None:
        """Read until the pump has no more."""
        rest = b""
        try:
            while data := self._read():
                *lines, rest = (rest + data).split(b"\n")
                rest = rest[-_LONGEST:]
                for line in lines:
                    self._give(line)
        finally:
            os.close(self._copy)

    def _read(self) -> bytes:
        while not select.select([self._copy], [], [], _FLUSH_S)[0]:
            _flush_native()
        return os.read(self._copy, _READ_BYTES)

    def _give(self, line: bytes) -> None:
        try:
            self._context.run(self._take, line.decode("utf-8", "replace").rstrip("\r"))
        except Exception:  # what is made of its log must not change how a solve ends
            logging.getLogger("nbqueue").warning("A line of a log could not be read.", exc_info=True)


def _flush() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()
    _flush_native()


def _flush_native() -> None:
    """Send what C code's standard output holds back: it does not know that it writes to a terminal now."""
    if _native_stdout is not None:
        _fflush(_native_stdout)


_native_stdout: ctypes.c_void_p | None = None
try:
    _LIBC = ctypes.CDLL(None)
    _fflush = _LIBC.fflush
    _native_stdout = ctypes.c_void_p.in_dll(_LIBC, "__stdoutp" if sys.platform == "darwin" else "stdout")
except (OSError, ValueError, AttributeError, TypeError):
    pass  # a C library that names it otherwise: its lines come when its buffer is full
