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
    ("name", "wrong", "meant"),
    [
        ("cpsat", "num_worker", "num_workers (given as threads=...) or shared_tree_num_workers?"),
        ("mathopt-gscip", "time_limi", "time_limit (given as time_limit=...) or "),
        ("highs", "mip_rel_gpa", "mip_rel_gap (given as gap=...) or mip_abs_gap?"),
        ("scip", "limits/tim", "limits/time (given as time_limit=...) or "),
    ],
)
def test_a_misspelt_name_leads_to_the_argument_that_was_meant(
    families: dict[str, Apart], name: str, wrong: str, meant: str
) -> None:
    """What has an argument of its own is the nearest name, and is told with it."""
    said = f'has no parameter "{wrong}". Did you mean {meant}'
    assert said in _refusal(families, name, wrong)


@pytest.mark.parametrize("name", ["cpsat", "mathopt-gscip", "highs", "scip"])
def test_an_argument_is_no_parameter(families: dict[str, Apart], name: str) -> None:
    """By our own name for it, too."""
    said = _refusal(families, name, "gap")
    assert said == f"{name.partition('-')[0]}.solve takes gap as an argument of its own: give gap=..., not in params."


def _refusal(families: dict[str, Apart], name: str, wrong: str) -> str:
    [adapter] = [each for each in ADAPTERS if each.name == name]
    pytest.importorskip(adapter.package)
    with pytest.raises(ConfigurationError) as caught:
        families[adapter.family].call(_misspelt, adapter, wrong)
    return str(caught.value)


def _misspelt(adapter: Adapter, wrong: str) -> Any:
    import_module(adapter.models)
    return adapter.solve(adapter.model("coins")[0], params={wrong: 1})


def _listed(adapter: Adapter) -> None:
    adapter.solve(adapter.model("coins")[0], params={adapter.wrong_parameter[1]: [1]})


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
def test_a_value_of_a_wrong_type_is_refused_in_a_sentence(adapter: Adapter, families: dict[str, Apart]) -> None:
    """Not as the library itself says it."""
    with pytest.raises(ConfigurationError, match=r"cannot use"):
        families[adapter.family].call(_listed, adapter)
