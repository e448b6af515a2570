"""Many tiny jobs at once from one cell: its loop goes on, the worker's memory stays flat, a loss costs nothing."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from nbqueue.client.group import JobGroup
from nbqueue.client.submitter import submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.servers import Server
from tests.waiting import until
from tests.workers import Ledger, running_worker

JOBS = 50_000
#: seconds that the loop of a cell may stand still
GAP_S = 0.1
#: twice what is promised
ELSEWHERE_S = 2 * 5.0


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


async def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def _note_gaps(gaps: list[float]) -> None:
    """How long the loop of the cell stands still, again and again."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        gaps.append(time.monotonic() - before)


async def _cell(engine: psutil.Process) -> tuple[list[int], list[float], list[int]]:
    """One storm: its values, how long the loop stood still each time, and the engine's memory half-way and after it."""
    gaps: list[float] = []
    watch = asyncio.ensure_future(_note_gaps(gaps))
    await asyncio.sleep(0)
    group = await submit_map(double, range(JOBS))
    half = asyncio.ensure_future(_half_way(group, engine))
    values = await group
    memory = [await half, engine.memory_info().rss]
    watch.cancel()
    return values, sorted(gaps), memory


async def _half_way(group: JobGroup[int], engine: psutil.Process) -> int:
    """The engine's memory once half of the jobs have ended."""

    async def is_half_way() -> bool:
        return (await group.progress()).get(State.SUCCEEDED, 0) >= JOBS // 2

    await until(is_half_way, 120)
    return engine.memory_info().rss


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_storm_of_jobs_from_one_cell(module_server: Server, module_settings: Settings, measure: Measure) -> None:
    """All have their values in order, the cell's loop goes on meanwhile, and the worker's memory stays flat."""
    with running_worker(module_settings, "--slots", "4") as worker:
        values, gaps, memory = asyncio.run(_cell(psutil.Process(worker.engine())))
    assert values == [2 * number for number in range(JOBS)]
    assert memory[1] - memory[0] < 30_000_000
    # what is promised holds for all gaps of a machine that has nothing else to do; on a busy one for nearly all
    measure("gap of the cell's loop that one in a hundred is longer than", gaps[-len(gaps) // 100], within_s=GAP_S)
    measure("longest gap of the cell's loop", gaps[-1], within_s=50 * GAP_S)
    with module_server.client() as client:
        assert facts.counted(client) == JOBS
        assert client.zcard("arq:queue:default") == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_worker_costs_nothing_with_a_long_queue(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """Its job runs again within seconds, before the many that wait."""
    with running_worker(module_settings, "--slots", "1", machine="one") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        waiting = submit_map(len, [b""] * JOBS).wait(60)
        with running_worker(module_settings, "--slots", "1", machine="two"):
            killed_at = time.monotonic()
            first.kill()
            again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
            measure("elsewhere", again.at - killed_at, within_s=ELSEWHERE_S)
            waiting.cancel().wait(60)
            gate.touch()
            assert job.wait(20) == "job"
    info = job.info().wait(5)
    assert (info.state, info.tries, info.losses) == (State.SUCCEEDED, 1, 1)
