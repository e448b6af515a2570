"""From submit to result of one job at a time, on an idle worker."""

from __future__ import annotations

import statistics

from benchmarks.arena import Arena, turn
from benchmarks.contestants import (
    ARQ,
    BARE,
    BULLMQ,
    COROUTINE,
    DASK,
    DOCKET,
    NAMED,
    RQ_FORK,
    RQ_SIMPLE,
    SAQ,
    STREAQ,
    SYNC,
    Contestant,
)
from benchmarks.rounds import Results, run_rounds

EVERYONE = (NAMED, ARQ, COROUTINE, SAQ, SYNC, STREAQ, RQ_SIMPLE, RQ_FORK, DASK, DOCKET, BULLMQ, BARE)

#: the first waits of a program open connections and load what reads results
WARM_UP_WAITS = 3


def measure(arena: Arena) -> Results:
    """Milliseconds: the median and the 95th percentile of each round."""
    plan = arena.plan

    def one(contestant: Contestant) -> dict[str, float]:
        with turn(arena, contestant) as ready:
            ready.latencies_s(WARM_UP_WAITS, plan.latency_limit_s)
            samples = ready.latencies_s(plan.latency_jobs, plan.latency_limit_s)
        ranked = statistics.quantiles([1000 * sample for sample in samples], n=100, method="inclusive")
        return {"p50 ms": ranked[49], "p95 ms": ranked[94]}

    return run_rounds(EVERYONE, plan.latency_rounds, one, title="latency")
