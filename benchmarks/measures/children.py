"""No-op sync functions in child processes that can be killed."""

from __future__ import annotations

import os

from benchmarks.arena import Arena, turn
from benchmarks.contestants import RQ_FORK, RQ_SIMPLE, SYNC, Contestant, sync_on
from benchmarks.rounds import Results, run_rounds


def measure(arena: Arena) -> Results:
    """Jobs per second, jobs per second and core, milliseconds a job."""
    plan = arena.plan
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    filled = sync_on(cores)

    def one(contestant: Contestant) -> dict[str, float]:
        children = cores if contestant == filled else 1
        with turn(arena, contestant) as ready:
            rate = plan.child_jobs / ready.drained(plan.child_jobs)
        return {"jobs/s": rate, "jobs/s and core": rate / children, "ms a job": 1000 * children / rate}

    return run_rounds((SYNC, RQ_FORK, filled, RQ_SIMPLE), plan.child_rounds, one, title="children")
