"""Which machine this is, and whether a process of it is gone."""

from __future__ import annotations

import os
import platform
import socket
from datetime import datetime
from functools import cache
from pathlib import Path

import psutil

#: clocks of the store and of this machine may differ by this much when process ages are compared
SKEW_S = 120.0


@cache
def machine_id() -> str:
    """The same for all processes that can see one another's process ids.

    NBQUEUE_MACHINE tells machines apart where all else is the same, as in virtual machines resumed from one image.
    """
    if named := os.environ.get("NBQUEUE_MACHINE"):
        return named
    parts = [platform.node() or socket.gethostname()]
    for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")):
        try:
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text().strip())
        except OSError:
            parts.append("-")
    return "|".join(parts)


def is_gone(pid: int, started_at: datetime | None) -> bool:
    """Whether the process that had this pid at that time runs no longer."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return started_at is not None and process.create_time() > started_at.timestamp() + SKEW_S
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
