"""What a model brings of its own, and what the process keeps for it: limits, threads and the names of parameters."""

import os
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.solvers.solution import Status
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart

OF_MODELS = [each for each in ADAPTERS if each.name in ("highs", "scip")]


@pytest.fixture(scope="module", autouse=True)
def _started(families: dict[str, Apart]) -> None:
    """A process for each library, there before the tests."""
    for family in ("highspy", "pyscipopt", "ortools"):
        assert families[family] is not None


def _limited(adapter: Adapter, given: float | None) -> tuple[Status, str | None, bool]:
    model, _ = adapter.model("caps")
    if adapter.name == "highs":
        model.setOptionValue("time_limit", 0.5)
    else:
        model.setParam("limits/time", 0.5)
    found = adapter.solve(model, time_limit=given)
    return found.status, found.stopped_by, found.wall_s < 30


@pytest.mark.parametrize("adapter", OF_MODELS, ids=str)
@pytest.mark.parametrize("given", [None, 60.0])
def test_the_smaller_time_limit_counts(adapter: Adapter, families: dict[str, Apart], given: float | None) -> None:
    """One that the model has of its own is not replaced by a larger one, and names itself."""
    pytest.importorskip(adapter.package)
    assert families[adapter.family].call(_limited, adapter, given) == (Status.FEASIBLE, "time_limit", True)


def _threads() -> set[int]:
    return {int(each.name) for each in Path("/proc/self/task").iterdir()}


def _pools() -> list[set[int]]:
    from nbqueue.solvers import highs
    from tests.solvers.models import highs as models

    processors: list[set[int]] = []

    def solve() -> None:
        for one in sorted(os.sched_getaffinity(0)):
            os.sched_setaffinity(0, {one})
            before = _threads()
            highs.solve(models.knapsack()[0], threads=2)
            pool = _threads() - before
            processors.append(set().union(*(os.sched_getaffinity(each) for each in pool)))

    thread = threading.Thread(target=solve)
    thread.start()
    thread.join()
    return processors


def test_the_threads_of_highs_go_where_a_search_is_pinned(families: dict[str, Apart]) -> None:
    """It keeps them between two searches, where the first one was pinned; the second has new ones."""
    pytest.importorskip("highspy")
    assert families["highspy"].call(_pools) == [{each} for each in sorted(os.sched_getaffinity(0))]


@pytest.mark.parametrize(
    ("name", "wrong", "ours"),
    [
        ("cpsat", "nun_workers", "num_workers"), ("mathopt-gscip", "time_limi", "time_limit"),
        ("highs", "time_limi", "time_limit"), ("scip", "limits/tim", "limits/time"),
    ],
)  # fmt: skip
def test_no_name_is_offered_that_would_be_refused(families: dict[str, Apart], name: str, wrong: str, ours: str) -> None:
    """What has an argument of its own is not among the nearest names."""
    [adapter] = [each for each in ADAPTERS if each.name == name]
    pytest.importorskip(adapter.package)
    with pytest.raises(ConfigurationError, match=f'has no parameter "{wrong}"') as caught:
        families[adapter.family].call(_misspelt, adapter, wrong)
    assert f" {ours}?" not in str(caught.value)
    assert f" {ours} or" not in str(caught.value)


def _misspelt(adapter: Adapter, wrong: str) -> Any:
    import_module(adapter.models)
    return adapter.solve(adapter.model("coins")[0], params={wrong: 1})
