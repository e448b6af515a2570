"""Many jobs submitted at once, with no worker beside."""

from __future__ import annotations

from benchmarks.arena import WARM_UP_JOBS, Arena, turn
from benchmarks.contestants import ARQ, BULLMQ, DOCKET, NAMED, NAMED_ALWAYS, RQ_SIMPLE, SAQ, STREAQ, Contestant
from benchmarks.rounds import Results, run_rounds

EVERYONE = (NAMED, ARQ, BULLMQ, SAQ, STREAQ, RQ_SIMPLE, DOCKET, NAMED_ALWAYS)
#: they take one job at a time
LOOPS = (ARQ, SAQ)


def measure(arena: Arena) -> Results:
    """Jobs accepted per second."""
    plan = arena.plan

    def one(contestant: Contestant) -> dict[str, float]:
        count = plan.loop_jobs if contestant in LOOPS else plan.bulk_jobs
        with turn(arena, contestant, working=False) as ready:
            ready.fill(WARM_UP_JOBS)
            return {"jobs/s": count / ready.fill(count)}

    return run_rounds(EVERYONE, plan.bulk_rounds, one, title="bulk submit")
