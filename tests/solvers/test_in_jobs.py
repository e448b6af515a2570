"""What is true of all adapters in jobs: what they tell, how they stop, and how they go on after a crash."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from nbqueue.solvers.solution import Solution, Status
from tests.servers import Server, running_server
from tests.solvers import instances
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart
from tests.waiting import SLACK, until
from tests.workers import running_worker

every = pytest.mark.parametrize("adapter", ADAPTERS, ids=str, scope="module")
#: what takes seconds is done with two of them in each run of the tests
seldom = pytest.mark.parametrize(
    "adapter",
    [pytest.param(each, marks=() if each.name in {"cpsat", "highs"} else pytest.mark.slow) for each in ADAPTERS],
    ids=str,
    scope="module",
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Settings]]:
    """A server and a worker for all tests of this module."""
    with running_server() as server:
        settings = Settings(url=server.url, home=tmp_path_factory.mktemp("home"))
        with running_worker(settings, "--slots", "2"):
            yield server, settings


@pytest.fixture(autouse=True)
def _no_process_left_behind() -> None:
    """The worker's processes live as long as it does, and it takes them along."""


@pytest.fixture(autouse=True)
def client(ground: tuple[Server, Settings]) -> Iterator[None]:
    """This process submits to them."""
    nbqueue.configure(ground[1])
    yield
    shutdown()


def solve_caps(adapter: Adapter, **options: Any) -> Solution:
    """Go on for minutes, unless stopped."""
    nbqueue.report(pid=os.getpid())
    return adapter.solve(adapter.model("caps")[0], **options)


async def incumbent(job: nbqueue.Job[Solution], least: float = 1.0) -> dict[str, Any]:
    """The metrics of a job once it has told of a solution."""

    async def told() -> dict[str, Any]:
        info = await job.info()
        metrics = dict(info.progress.metrics)
        return metrics if (metrics.get("objective") or 0) >= least else {}

    return await until(told, 30)


def _as_a_client(url: str, home: Path, adapter: Adapter) -> tuple[Solution, float, float, float]:
    from importlib import import_module

    nbqueue.configure(Settings(url=url, home=home))
    try:
        model, taken = adapter.model("knapsack")
        solve = import_module(adapter.module).solve
        found = nbqueue.run(solve, model, **adapter.options).wait(60)

        def closure() -> tuple[float, float]:
            answer = solve(model, **adapter.options)
            return answer.objective, sum(map(answer.value, taken))

        worth, count = nbqueue.run(closure).wait(60)
        return (
            found,
            sum(value * found.value(x) for value, x in zip(instances.VALUES, taken, strict=True)),
            worth,
            count,
        )
    finally:
        shutdown()


@every
def test_a_model_travels_and_its_variables_read_the_answer(
    adapter: Adapter, apart: Apart, ground: tuple[Server, Settings]
) -> None:
    """`run(solve, model)` gives the same as `solve(model)`; so does a function of one's own that uses the model."""
    found, read, worth, count = apart.call(_as_a_client, ground[0].url, ground[1].home, adapter)
    assert found.status is Status.OPTIMAL
    assert found.objective == read == worth == pytest.approx(instances.BEST)
    assert 1 <= round(count) <= len(instances.SIZES)


@every
async def test_a_search_tells_how_it_gets_on_and_hands_back_its_best_when_cancelled(adapter: Adapter) -> None:
    """Objective, bound, gap and solutions are metrics; after a cancel the best so far is what the error carries."""
    job = await nbqueue.options(preset="solver").submit(solve_caps, adapter)
    metrics = await incumbent(job, 12)
    assert {"objective", "solutions", "pid"} <= set(metrics)
    before = time.monotonic()
    await job.cancel()
    with pytest.raises(nbqueue.JobCancelled) as caught:
        await job
    assert time.monotonic() - before < 4 * SLACK
    found = caught.value.partial
    assert (found.status, found.stopped_by) == (Status.FEASIBLE, "cancel")
    assert found.objective >= metrics["objective"]
    assert instances.is_cap(list(found.vector))


def stopped_before(adapter: Adapter) -> Solution:
    """Begin to search after the stop was asked for."""
    model, _ = adapter.model("caps")
    nbqueue.report(objective=1)
    while not nbqueue.should_stop():
        time.sleep(0.01)
    return adapter.solve(model)


@every
async def test_a_stop_that_comes_before_the_search_is_not_lost(adapter: Adapter) -> None:
    """The search ends as soon as it has begun."""
    job = await nbqueue.options(preset="solver").submit(stopped_before, adapter)
    await incumbent(job)
    await job.cancel()
    with pytest.raises(nbqueue.JobCancelled) as caught:
        await job
    assert caught.value.partial.stopped_by == "cancel"
    assert caught.value.partial.wall_s < 2 * SLACK


@seldom
async def test_a_job_s_time_limit_ends_in_an_answer(adapter: Adapter) -> None:
    """The job has succeeded with the best so far, and both say what ended it."""
    job = await nbqueue.options(timeout=6).submit(solve_caps, adapter)
    found = await job
    assert (found.status, found.stopped_by, (await job.info()).stopped_by) == (Status.FEASIBLE, "timeout", "timeout")


@seldom
async def test_a_search_goes_on_after_a_crash(adapter: Adapter, ground: tuple[Server, Settings]) -> None:
    """The next attempt starts from the incumbent that was kept, and does not end worse."""
    job = await nbqueue.options(retry=2).submit(solve_caps, adapter, time_limit=5.0)
    metrics = await incumbent(job, 12)
    with ground[0].client() as server:
        await until(lambda: server.exists(f"nbq:checkpoint:{job.id}"), 20)
    os.kill(int(metrics["pid"]), signal.SIGKILL)
    found = await job
    first = found.trace[0]
    assert (found.attempt, first.event, first.attempt) == (2, "resume", 2)
    assert first.t_s > 0
    assert first.objective is not None
    assert found.objective is not None
    assert found.objective >= first.objective
    assert instances.is_cap(list(found.vector or ()))


@pytest.mark.parametrize("adapter", ADAPTERS[:1], ids=str, scope="module")
async def test_the_log_of_the_solver_is_the_job_s(adapter: Adapter) -> None:
    """Line by line, where it was asked for."""
    job = await nbqueue.submit(solve_caps, adapter, time_limit=0.5, log=True)
    await job
    assert "Starting CP-SAT solver" in str(await job.logs())
