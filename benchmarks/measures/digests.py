"""What the sameness of calls costs (`unique`, `debounce`, `cache`): the digest, made where a call is submitted."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.arena import Arena
from benchmarks.contestants import Contestant
from benchmarks.rounds import Results, run_rounds
from nbqueue.broker.digest import call_digest

SMALL_CALLS = 2_000
ARRAY_BYTES = 100_000_000


def add(first: int, second: int = 1) -> int:
    """What travels by value in the small call."""
    return first + second


#: row -> function, arguments, calls timed together
CALLS: dict[str, tuple[Any, tuple[Any, ...], int]] = {
    "a registered function and a number": ("noop", (1,), SMALL_CALLS),
    "a function by value and two numbers": (add, (1, 2), SMALL_CALLS),
    "an array of 100 MB": ("noop", (np.arange(ARRAY_BYTES // 8, dtype="int64"),), 1),
}


def measure(arena: Arena) -> Results:
    """Milliseconds a call, and bytes in a second where there are many."""

    def one(row: Contestant) -> dict[str, float]:
        function, args, calls = CALLS[row.name]
        call_digest(function, args, {})
        began = perf_counter()
        for _ in range(calls):
            call_digest(function, args, {})
        seconds = (perf_counter() - began) / calls
        return {"ms": 1000 * seconds} | ({"GB/s": ARRAY_BYTES / seconds / 1e9} if calls == 1 else {})

    rows = [Contestant(name=name, module="digest") for name in CALLS]
    return run_rounds(rows, arena.plan.digest_rounds, one, title="digest")
