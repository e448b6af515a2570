"""No-op async jobs through one worker process, results and history kept."""

from __future__ import annotations

from benchmarks.arena import Arena, turn
from benchmarks.contestants import (
    ARQ,
    BULLMQ,
    COROUTINE,
    DASK,
    DOCKET,
    NAMED,
    NAMED_ALWAYS,
    RQ_SIMPLE,
    SAQ,
    STOCK,
    STREAQ,
    Contestant,
)
from benchmarks.rounds import Results, run_rounds

EVERYONE = (NAMED, ARQ, STOCK, SAQ, COROUTINE, STREAQ, BULLMQ, RQ_SIMPLE, NAMED_ALWAYS, DASK, DOCKET)
#: done with the common number of jobs in a blink: these run a larger number too
QUICK_ONES = (NAMED, STOCK, COROUTINE, BULLMQ, NAMED_ALWAYS)


def measure(arena: Arena) -> Results:
    """Jobs per second."""
    plan = arena.plan

    def one(contestant: Contestant) -> dict[str, float]:
        with turn(arena, contestant) as ready:
            found = {"jobs/s": plan.drain_jobs / ready.drained(plan.drain_jobs)}
            if contestant in QUICK_ONES:
                found["jobs/s, long"] = plan.long_drain_jobs / ready.drained(plan.long_drain_jobs)
        return found

    return run_rounds(EVERYONE, plan.drain_rounds, one, title="throughput")
