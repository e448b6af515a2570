"""`python -m benchmarks.pings SOCKET`: asks a server for a sign of life again and again, and tells how long it took."""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from benchmarks.environments import ROOT
from benchmarks.players import player

#: between two questions
GAP_S = 0.001


@dataclass(slots=True)
class Pings:
    """How long the answers took, once they were counted."""

    milliseconds: list[float] = field(default_factory=list)

    @property
    def worst_ms(self) -> float:
        """The longest."""
        return max(self.milliseconds)


@contextmanager
def pinging(socket: Path, log: Path) -> Iterator[Pings]:
    """Ask as long as the block runs, from a process that does nothing else."""
    found = Pings()
    with player([sys.executable, "-m", "benchmarks.pings", str(socket)], {"PYTHONPATH": str(ROOT)}, log) as asking:
        asking.ask("")
        yield found
        found.milliseconds += asking.ask("end")["milliseconds"]


def main() -> None:
    """Ask until a line comes; then tell the longest hundred."""
    client = redis.Redis(unix_socket_path=sys.argv[1])
    client.ping()
    print("{}", flush=True)
    times: list[float] = []
    while not select.select([sys.stdin], [], [], GAP_S)[0]:
        began = time.perf_counter()
        client.ping()
        times.append(1000 * (time.perf_counter() - began))
    print(json.dumps({"milliseconds": sorted(times)[-100:]}), flush=True)


if __name__ == "__main__":
    main()
