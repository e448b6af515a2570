"""The standard library's executors and joblib's backends: the same calls and searches by nbqueue and by others."""

from __future__ import annotations

import statistics
from importlib.metadata import version

from benchmarks.arena import Arena, Turn, turn
from benchmarks.contestants import DASK, NAMED, Contestant
from benchmarks.players import PlayerFailed
from benchmarks.rounds import Results, run_rounds

#: the same in the environments of peers
SAME = tuple(f"{name}=={version(name)}" for name in ("scikit-learn", "joblib", "numpy", "scipy"))


def _row(name: str, variant: str, *needs: str, ours: bool = False) -> Contestant:
    return Contestant(name=name, module="interfaces_peer", variant=variant, needs=needs, has_worker=ours)


OURS = _row("nbqueue", "nbqueue", ours=True)
SEARCH = _row("nbqueue, search", "search", ours=True)
PROCESSES = _row("ProcessPoolExecutor", "processes")
SERIAL = _row("no backend, one process", "serial")
LOKY = _row("loky", "loky")
DASK_FUTURES = _row("Dask, one thread a process", "dask", *DASK.needs, *SAME)
IPYPARALLEL = _row("ipyparallel", "ipyparallel", "ipyparallel>=9", *SAME)

EXECUTORS = (OURS, PROCESSES, LOKY, DASK_FUTURES, IPYPARALLEL)
#: whose versions are told
VERSIONED = (NAMED, _row("joblib", "loky"), _row("scikit-learn", "serial"), DASK_FUTURES, IPYPARALLEL)
BACKENDS = (OURS, SEARCH, SERIAL, LOKY, DASK_FUTURES, IPYPARALLEL)


def measure_executors(arena: Arena) -> Results:
    """Calls a second by `map`, and milliseconds from `submit` to the result of one call at a time."""
    plan = arena.plan

    def one(contestant: Contestant) -> dict[str, float]:
        with turn(arena, contestant) as ready:
            seconds = ready.fill(plan.calls)
            samples = ready.latencies_s(plan.latency_jobs, plan.latency_limit_s)
        return {"calls/s": plan.calls / seconds, "p50 ms": 1000 * statistics.median(samples)}

    return run_rounds(EXECUTORS, plan.interface_rounds, one, title="executors")


def measure_backends(arena: Arena) -> Results:
    """Seconds of a grid search with 45 fits, quick ones and slow ones; all have to find the same score."""
    scores: dict[str, float] = {}

    def one(contestant: Contestant) -> dict[str, float]:
        with turn(arena, contestant) as ready:
            ready.driver.ask("grid", name="short")  # its processes import scikit-learn
            return {f"s, 45 {name} fits": _searched_s(ready, name, scores) for name in ("short", "long")}

    return run_rounds(BACKENDS, arena.plan.interface_rounds, one, title="backends")


def _searched_s(ready: Turn, name: str, scores: dict[str, float]) -> float:
    found = ready.driver.ask("grid", name=name)["answer"]
    if found["score"] != scores.setdefault(name, found["score"]):
        raise PlayerFailed(f"the best score is {found['score']}, and was {scores[name]} before")
    return float(found["s"])
