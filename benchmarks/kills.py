"""One worker that is killed under its job, while another is there that has nothing to do."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.arena import START_S, WARM_UP_JOBS, Arena, small_arena, started
from benchmarks.contestants import DASK_PAIR, ELSEWHERE, ENGINE, Contestant
from benchmarks.players import Player, PlayerFailed

#: seconds until the job has begun, for the second worker to start, and more: kills come at any moment of a period
BEGINS_S, STARTS_S, CHANCE_S = 60.0, 5.0, 2.0
LOOK_S = 0.05
#: the same moments in each run
_chance = random.Random(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A worker that was killed under its job."""

    #: has a line for each start of the job: the process, and the moment
    ledger: Path
    #: when it was killed
    at: float

    def seconds(self) -> float | None:
        """From the kill until the job ran again; None: it has not."""
        starts = _starts(self.ledger)
        return starts[1][1] - self.at if len(starts) > 1 else None

    def waited_for(self, limit_s: float) -> float | None:
        """The same, once the job runs again, or so many seconds have passed since the kill."""
        while self.seconds() is None and time.time() < self.at + limit_s:
            time.sleep(LOOK_S)
        return self.seconds()


@contextmanager
def killed(arena: Arena, contestant: Contestant) -> Iterator[Killed]:
    """A kill, on a server of its own; what is left of the contestant ends with the block."""
    with ExitStack() as stack:
        place = stack.enter_context(small_arena(arena))
        ledger = place.folder / "ledger"
        driver = stack.enter_context(started(place, contestant, "drive"))
        driver.ask("", timeout_s=START_S)
        worker = _worker(stack, place, contestant, "one")
        driver.ask("fill", count=WARM_UP_JOBS)
        driver.ask("finish", timeout_s=START_S)
        driver.ask("begin", ledger=str(ledger))
        pid = _begun(ledger)
        if contestant != ENGINE:
            _worker(stack, place, contestant, "two")
        time.sleep(STARTS_S + _chance.uniform(0, CHANCE_S))
        if len(_starts(ledger)) > 1:
            raise PlayerFailed("the job was run twice before its worker was killed")
        at = time.time()
        _kill(contestant, worker, pid)
        yield Killed(ledger=ledger, at=at)


def _worker(stack: ExitStack, place: Arena, contestant: Contestant, machine: str) -> Player | None:
    """A worker, where it is a process that we start, on a machine of its own where that matters."""
    if not contestant.has_worker:
        return None
    variables = {"NBQUEUE_MACHINE": machine} if contestant == ELSEWHERE else {}
    return stack.enter_context(started(place, contestant, "work", **variables))


def _kill(contestant: Contestant, worker: Player | None, pid: int) -> None:
    if contestant == DASK_PAIR:
        psutil.Process(pid).kill()
    elif contestant == ENGINE:
        _parent(pid).kill()
    elif worker is not None:
        worker.kill()


def _parent(pid: int) -> psutil.Process:
    """The engine is what started the process of the job."""
    found = psutil.Process(pid).parent()
    if found is None:
        raise PlayerFailed(f"process {pid} has no parent")
    return found


def _begun(ledger: Path) -> int:
    """The process of the job, once it has begun."""
    end = time.monotonic() + BEGINS_S
    while not (starts := _starts(ledger)):
        if time.monotonic() > end:
            raise PlayerFailed(f"the job did not begin within {BEGINS_S:.0f} s")
        time.sleep(LOOK_S)
    return starts[0][0]


def _starts(ledger: Path) -> list[tuple[int, float]]:
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    return [(int(pid), float(at)) for pid, at in map(str.split, lines)]
