"""The keys of a terminal, one by one as they are pressed; the terminal is as it was when this ends."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

#: what keys send that send more than one character
_NAMES: Mapping[bytes, str] = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down", b"\x1b[5~": "page up",
    b"\x1b[6~": "page down", b"\t": "tab", b"\x1b[Z": "tab", b"\r": "enter", b"\n": "enter", b"\x1b": "escape",
}  # fmt: skip
_MOST = 1024


class Keyboard:
    """Standard input, where it is a terminal; else nothing is ever pressed."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def pressed(self, wait_s: float) -> list[str]:
        """The keys that were pressed, waited for that long; "" stands for one that means nothing here."""
        if self._fd is None:
            time.sleep(wait_s)
            return []
        if not select.select([self._fd], [], [], wait_s)[0]:
            return []
        read = os.read(self._fd, _MOST)
        if not read:  # the terminal is gone
            raise KeyboardInterrupt
        return list(_keys(read))


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """The keys of the terminal, without their echo, for the time of the block; Ctrl-C interrupts as ever."""
    if not sys.stdin.isatty():
        yield Keyboard(None)
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        now = termios.tcgetattr(fd)
        # stopped, it would leave its picture to the shell
        now[6][termios.VSUSP] = bytes([os.fpathconf(fd, "PC_VDISABLE")])
        termios.tcsetattr(fd, termios.TCSANOW, now)
        yield Keyboard(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def _keys(read: bytes) -> Iterator[str]:
    while read:
        known = next((code for code in _NAMES if len(code) > 1 and read.startswith(code)), b"")
        if not known and read[:1] == b"\x1b" and len(read) > 1:
            yield ""  # of a key that is not known: all that came with it
            return
        known = known or read[:1]
        yield _NAMES.get(known) or known.decode("ascii", errors="ignore")
        read = read[len(known) :]
