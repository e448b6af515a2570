"""Which process waits for something, and whether that one is gone."""

from __future__ import annotations

import os
import socket

import psutil

#: seconds by which two answers about the start of one process may differ
_SAME_S = 1.0


def own() -> tuple[str, int, float]:
    """This process: its machine, its id, and when it began."""
    return socket.gethostname(), os.getpid(), psutil.Process().create_time()


def is_here(machine: str, *_: object) -> bool:
    """Whether it is a process of this machine."""
    return machine == socket.gethostname()


def is_gone(machine: str, pid: int, began_at: float) -> bool:
    """Whether a process of this machine has ended; of another machine's nobody here knows, and it counts as alive."""
    if not is_here(machine):
        return False
    try:
        return abs(psutil.Process(pid).create_time() - began_at) >= _SAME_S
    except psutil.Error:
        return True
