"""Folders of the sockets of kernels: each goes with its process, or is taken away by the next one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = "nbq-kernel-"
#: held for as long as the process lives
_LOCK = "lock"
#: seconds in which a new folder gets its lock
_NEW_S = 60.0


class Sockets:
    """A folder that nobody else may look into, with a path that is short enough for sockets."""

    def __init__(self, place: Path) -> None:
        """Args: the folder that it is made in; what killed processes have left there is taken away."""
        sweep(place)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Leave nothing of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def sweep(place: Path) -> None:
    """Remove folders of this user's whose processes have ended."""
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another one does the same, or it is somebody else's
            about = folder.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _NEW_S and not _is_held(folder / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
