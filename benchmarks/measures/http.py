"""Jobs over HTTP: submits and looks at jobs by 16 callers, beside Flower, and one of each at a time."""

from __future__ import annotations

import statistics

from benchmarks.arena import Arena, turn
from benchmarks.contestants import Contestant
from benchmarks.players import PlayerFailed
from benchmarks.rounds import Results, run_rounds

OURS = Contestant(name="nbqueue web", module="http_peer", variant="nbqueue", has_worker=False)
FLOWER = Contestant(
    name="Flower, with Celery", module="http_peer", variant="flower", needs=("flower>=2", "celery[redis]>=5"),
    has_worker=False,
)  # fmt: skip
EVERYONE = (OURS, FLOWER)


def measure(arena: Arena) -> Results:
    """Requests a second, and milliseconds of one submit with one look, on connections of their own."""
    return run_rounds(EVERYONE, arena.plan.http_rounds, lambda each: _one(arena, each), title="http")


def _one(arena: Arena, contestant: Contestant) -> dict[str, float]:
    plan = arena.plan
    found = {}
    with turn(arena, contestant, working=False) as ready:
        ready.driver.ask("submits", count=plan.http_requests // 10)
        for kind in ("submits", "looks"):
            told = ready.driver.ask(kind, count=plan.http_requests)
            if told["answer"] != plan.http_requests:
                raise PlayerFailed(f"{told['answer']:,} answers came to {plan.http_requests:,} {kind}")
            found[f"{kind}/s"] = plan.http_requests / told["seconds"]
        samples = ready.latencies_s(plan.latency_jobs, plan.latency_limit_s)
    return found | {"submit and look, p50 ms": 1000 * statistics.median(samples)}
