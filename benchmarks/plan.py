"""How much is measured: the counts of the whole run and of the quick one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Counts and rounds. In a round each contestant has one turn."""

    #: jobs a worker may run at once, for every contestant
    concurrency: int = 200
    #: no-op jobs through one worker, the same number for all, and the larger number for those that are done in a blink
    drain_jobs: int = 2_000
    long_drain_jobs: int = 20_000
    drain_rounds: int = 5
    #: jobs, one after another, on an idle worker, and the most seconds they take
    latency_jobs: int = 100
    latency_limit_s: float = 8.0
    latency_rounds: int = 3
    #: jobs submitted at once
    bulk_jobs: int = 20_000
    #: the same for queues that take one at a time
    loop_jobs: int = 2_000
    bulk_rounds: int = 3
    child_jobs: int = 400
    child_rounds: int = 5
    imports: int = 10
    first_results: int = 3
    #: jobs that ran, whose history is read by every contestant; and attempts of a written one
    past_jobs: int = 10_000
    past_rounds: int = 3
    past_attempts: tuple[int, ...] = (100_000, 1_000_000)
    #: jobs whose memory in the server is measured
    memory_jobs: int = 100_000
    #: jobs of a feature, and plain ones beside them, twice a round
    feature_jobs: int = 5_000
    feature_rounds: int = 5
    #: jobs that wait while others are claimed, and the claims timed with each number of them
    waiting_jobs: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    timed_claims: int = 40
    claim_rounds: int = 5
    digest_rounds: int = 5
    #: killed workers of nbqueue, and of each peer; and seconds within which their jobs are to run again
    kills: int = 20
    peer_kills: int = 3
    back_within_s: int = 1_000
    #: calls by an executor, and rounds of it and of joblib's backends
    calls: int = 1_000
    interface_rounds: int = 3
    #: requests of each kind to a web server
    http_requests: int = 2_000
    http_rounds: int = 3


WHOLE = Plan()
QUICK = Plan(
    drain_jobs=500, long_drain_jobs=5_000, drain_rounds=1, latency_jobs=50, latency_limit_s=2.0, latency_rounds=1,
    bulk_jobs=5_000, loop_jobs=500, bulk_rounds=1, child_jobs=100, child_rounds=1, imports=5, first_results=1,
    past_jobs=2_000, past_rounds=1, past_attempts=(100_000,), memory_jobs=10_000,
    feature_jobs=2_000, feature_rounds=1, waiting_jobs=(1_000, 10_000, 100_000), claim_rounds=1,
    digest_rounds=1, kills=2, peer_kills=1, back_within_s=100, interface_rounds=1,
    http_requests=500, http_rounds=1,
)  # fmt: skip
