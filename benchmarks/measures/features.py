"""What a feature costs: jobs that use it beside plain ones, in turns through the same worker process."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.arena import Arena, Turn, turn
from benchmarks.contestants import Contestant
from benchmarks.peers.features_peer import FEATURES
from benchmarks.rounds import Results, run_rounds

EVERYONE = tuple(
    Contestant(name=name, module="features_peer", variant="name", hold="pause the queue")
    for name in ("plain jobs", *FEATURES)
)
#: plain jobs first and last, so that a machine that gets slower or faster meanwhile changes no ratio
ORDER = (False, True, True, False)


@dataclass(slots=True)
class Spent:
    """What some jobs took: seconds until the last had ended, and of the processor in server and worker."""

    wall_s: float = 0.0
    server_s: float = 0.0
    worker_s: float = 0.0

    def add(self, ready: Turn, count: int) -> None:
        """So many jobs more. What the submit costs does not count."""
        ready.fill_held(count)
        server_s, worker_s = ready.cpu_s()
        self.wall_s += ready.emptied()
        after = ready.cpu_s()
        self.server_s += after[0] - server_s
        self.worker_s += after[1] - worker_s


def measure(arena: Arena) -> Results:
    """Jobs per second beside those of plain jobs, and processor time a job; plain beside plain shows the noise."""
    plan = arena.plan
    count = plan.feature_jobs

    def one(contestant: Contestant) -> dict[str, float]:
        plain, found = Spent(), Spent()
        with turn(arena, contestant) as ready:
            for is_used in ORDER:
                ready.driver.ask("use", name=contestant.name if is_used else "")
                (found if is_used else plain).add(ready, count)
        return {
            "jobs/s": 2 * count / found.wall_s,
            "jobs/s to plain": plain.wall_s / found.wall_s,
            "server, us a job": found.server_s / 2 / count * 1e6,
            "server to plain": found.server_s / plain.server_s,
            "worker, us a job": found.worker_s / 2 / count * 1e6,
            "worker to plain": found.worker_s / plain.worker_s,
        }

    return run_rounds(EVERYONE, plan.feature_rounds, one, title="features")
