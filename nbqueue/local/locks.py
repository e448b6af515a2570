"""Locks that the kernel frees with the process that holds them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from nbqueue.local.home import FILE_MODE

if sys.platform != "win32":
    import fcntl

#: how often a taken lock is asked for again
ASK_AGAIN_S = 0.005
#: a look at a lock (`is_held`) may be in the way this long
SHORT_WAIT_S = 0.25

_held: set[int] = set()


def acquire(path: Path, timeout_s: float = SHORT_WAIT_S) -> int | None:
    """Take a lock: its file descriptor, or None if another held it all the time.

    The lock lives as long as any process has the descriptor: hand it to a child, release it here, and it is the
    child's for its life.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    _held.add(descriptor)
    deadline = time.monotonic() + timeout_s
    try:
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                release(descriptor)
                return None
            time.sleep(ASK_AGAIN_S)
    except BaseException:
        release(descriptor)
        raise
    return descriptor


def release(descriptor: int) -> None:
    """Give a lock back, or leave it to the child that has it too."""
    if descriptor in _held:
        _held.discard(descriptor)
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds a lock. Looks do not disturb one another."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def adopt(descriptor: int) -> None:
    """Take over a descriptor that came from the parent, and keep it from our own children."""
    os.set_inheritable(descriptor, False)  # noqa: FBT003 (it takes no keyword)
    _held.add(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close_in_fork() -> None:
    """A plain fork of this process must not keep our locks alive."""
    while _held:
        os.close(_held.pop())


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_fork)
