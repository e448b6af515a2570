"""One sentence for each way in which the local stack can fail to start."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from nbqueue.errors import LocalStackError
from nbqueue.local.home import Home

#: a server cannot live with less
LEAST_FREE_BYTES = 2 * 2**20
#: how many of the server's last words are passed on
LAST_LINES = 3

ELSEWHERE = "install Redis or Valkey elsewhere and set NBQUEUE_URL"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


def refuse_windows() -> None:
    """There is no server for Windows."""
    if sys.platform == "win32":
        raise LocalStackError(f"The embedded server does not run on Windows: {ELSEWHERE}.")


@contextlib.contextmanager
def in_one_sentence(home: Home) -> Iterator[None]:
    """Turn what the operating system refused into what the user can do about it."""
    try:
        yield
    except OSError as error:
        raise LocalStackError(_sentence(home, error)) from error


def refuse_full_disk(home: Home) -> None:
    """A server that cannot write ends itself with the next write; it is not started."""
    if free_bytes(home.path) < LEAST_FREE_BYTES:
        raise LocalStackError(_disk_full(home))


def server_ended(home: Home, said: list[str]) -> LocalStackError:
    """The server was started and went away again; `said` are the lines of its log."""
    if free_bytes(home.path) < LEAST_FREE_BYTES:
        return LocalStackError(_disk_full(home))
    words = " | ".join(said[-LAST_LINES:]) or "nothing"
    return LocalStackError(f"The embedded server ended while it started; its log ({home.server_log}) says: {words}")


def free_bytes(folder: Path) -> int:
    """How much can still be written below a folder, or its nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _sentence(home: Home, error: OSError) -> str:
    path = error.filename or home.path
    if error.errno in _FULL:
        return _disk_full(home)
    if error.errno in _DENIED:
        return f"{path} cannot be written ({error.strerror}): set NBQUEUE_HOME to a folder of your own that can."
    if error.errno == errno.ENAMETOOLONG:
        return f"The path {home.path} is too long for this file system: set NBQUEUE_HOME to a shorter path."
    if error.errno in _NO_LOCKS:
        return f"The file system of {home.path} has no file locks: set NBQUEUE_HOME to a folder on a local disk."
    return f"The local stack in {home.path} cannot be used: {error}."


def _disk_full(home: Home) -> str:
    free = free_bytes(home.path) / 2**20
    return (
        f"The disk of {home.path} is full ({free:.1f} MB free): make room there, or set NBQUEUE_HOME to a folder "
        "on another disk."
    )
