"""Executors of `concurrent.futures` and backends of joblib, each with as many processes: nbqueue's and others'."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from benchmarks.peers.driving import UNIX_URL, main

#: processes that work
WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
#: nine candidates each, with five folds: fits of milliseconds, and fits of 0.1 s to 0.2 s
GRIDS: dict[str, tuple[BaseEstimator, dict[str, list[float]]]] = {
    "short": (GaussianNB(), {"var_smoothing": [10.0**-power for power in range(4, 13)]}),
    "long": (SVC(), {"C": [0.1, 1.0, 10.0], "gamma": [0.0001, 0.001, 0.01]}),
}


def noop(number: int) -> int:
    """Do nothing."""
    return number


@dataclass(frozen=True, kw_only=True)
class Interface:
    """An executor, and how a grid search comes to use the same workers."""

    distribution: str
    executor: Executor | None = None
    #: joblib's backend within the block
    backend: Callable[[], AbstractContextManager[Any]] = nullcontext
    #: makes the search; None: its own `fit`
    fit: Callable[[GridSearchCV, Any, Any], Any] | None = None
    #: what has to stay alive
    held: tuple[Any, ...] = field(default=())


def _nbqueue() -> Interface:
    import nbqueue.joblib
    from nbqueue.executor import Executor as JobExecutor

    return Interface(
        distribution="nbqueue", executor=JobExecutor(), backend=partial(parallel_config, "nbqueue", n_jobs=WORKERS),
        held=(nbqueue.joblib,),
    )  # fmt: skip


def _search() -> Interface:
    from nbqueue.evaluators import search

    return Interface(distribution="nbqueue", fit=lambda grid, x, y: search(grid, x, y, force=True).wait())


def _processes() -> Interface:
    return Interface(distribution="joblib", executor=ProcessPoolExecutor(WORKERS))


def _serial() -> Interface:
    return Interface(distribution="scikit-learn")


def _loky() -> Interface:
    from joblib.externals.loky import ProcessPoolExecutor as LokyExecutor

    return Interface(
        distribution="joblib", executor=LokyExecutor(WORKERS),
        backend=partial(parallel_config, "loky", n_jobs=WORKERS),
    )  # fmt: skip


def _dask() -> Interface:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    client = Client(cluster)
    return Interface(
        distribution="distributed", executor=client.get_executor(pure=False), backend=partial(parallel_config, "dask"),
        held=(cluster, client),
    )  # fmt: skip


def _ipyparallel() -> Interface:
    import ipyparallel

    cluster = ipyparallel.Cluster(n=WORKERS)
    client = cluster.start_and_connect_sync()
    client[:].use_cloudpickle().get()
    ipyparallel.register_joblib_backend()
    return Interface(
        distribution="ipyparallel", executor=client.executor(), backend=partial(parallel_config, "ipyparallel"),
        held=(cluster, client),
    )  # fmt: skip


INTERFACES: dict[str, Callable[[], Interface]] = {
    "nbqueue": _nbqueue, "search": _search, "processes": _processes, "serial": _serial, "loky": _loky, "dask": _dask,
    "ipyparallel": _ipyparallel,
}  # fmt: skip


class Interfaces:
    """Calls by `Executor.map`, one call by `submit`, grid searches by joblib."""

    def __init__(self, variant: str) -> None:
        self.distribution = ""
        self._variant = variant

    async def open(self) -> None:
        """Start what works."""
        self._found = INTERFACES[self._variant]()
        self.distribution = self._found.distribution

    async def fill(self, count: int) -> None:
        """Map, and take all results."""
        if self._found.executor is not None and list(self._found.executor.map(noop, range(count))) != list(
            range(count)
        ):
            raise ValueError("The results are not the arguments.")

    async def left(self) -> int:
        """None: all results have been taken."""
        return 0

    async def once(self, number: int) -> int:
        """One call's result."""
        if self._found.executor is None:
            return number
        return int(self._found.executor.submit(noop, number).result())

    async def grid(self, name: str) -> dict[str, float]:
        """Search a grid: seconds it took, and the best score."""
        estimator, candidates = GRIDS[name]
        x, y = load_digits(return_X_y=True)
        grid = GridSearchCV(estimator, candidates, cv=5, refit=False)
        began = time.perf_counter()
        with self._found.backend():
            (self._found.fit or GridSearchCV.fit)(grid, x, y)
        return {"s": time.perf_counter() - began, "score": float(grid.best_score_)}

    def work(self) -> None:
        """The command, as it is written in a terminal; others start their own processes."""
        words = ["nbqueue", "worker", "--url", UNIX_URL, "--slots", str(WORKERS)]
        os.execv(sys.executable, [sys.executable, "-m", *words])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(Interfaces(sys.argv[2]))
