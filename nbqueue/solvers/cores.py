"""Processors for one search: in a job it is pinned to some that no other search of this machine has taken."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

HAS_AFFINITY = hasattr(os, "sched_setaffinity") and sys.platform == "linux"


def allowed() -> set[int]:
    """The processors that the calling thread may run on; none where the platform does not tell."""
    return os.sched_getaffinity(0) if HAS_AFFINITY else set()


@contextlib.contextmanager
def pinned(count: int, among: AbstractSet[int] | None = None) -> Iterator[frozenset[int]]:
    """Let the calling thread, and those that it starts, run on `count` processors of its own: which those are.

    Where fewer are free it gets those. Where none is, or it may use no more anyway, it is not pinned: then the kernel
    shares the processors out. Solvers read no affinity, so that many threads of one of them would push others aside.

    Args:
        count: how many it wants.
        among: which ones it may have. Default: those that the thread may run on.
    """
    before = set(allowed() if among is None else among)
    if count >= len(before):
        yield frozenset()
        return
    with contextlib.ExitStack() as claims:
        taken: set[int] = set()
        for processor in sorted(before, reverse=True):
            if len(taken) < count and _claim(processor, claims):
                taken.add(processor)
        if not taken:
            yield frozenset()
            return
        os.sched_setaffinity(0, taken)
        try:
            yield frozenset(taken)
        finally:
            os.sched_setaffinity(0, before)


def _claim(processor: int, claims: contextlib.ExitStack) -> bool:
    """Take a processor, by a name that the kernel gives to one socket at a time and frees when its process dies."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        found.bind(f"\0nbqueue-processor-{os.getuid()}-{processor}")
    except OSError:
        found.close()
        return False
    claims.callback(found.close)
    return True
