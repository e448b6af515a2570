"""Engines that are replaced by plan: after so many jobs, above so much memory, when the code changes."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from nbqueue import options, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies
from tests.waiting import SLACK, wait_until
from tests.workers import Ledger, Worker, running_worker, start_worker, wait_gone

pytestmark = pytest.mark.usefixtures("session")


def _renewals(worker: Worker) -> int:
    return worker.log.count("is renewed: ")


def test_an_engine_is_renewed_after_its_jobs_and_none_is_lost(settings: Settings, ledger: Ledger) -> None:
    """Each of a hundred and fifty jobs runs once, over several engines, and the log says why there was another."""
    with running_worker(settings, "--slots", "2", "--max-jobs", "20") as worker:
        first = worker.engine_ids()
        for lot in range(3):
            names = [f"job-{lot}-{number}" for number in range(25)]
            quick = submit_map(bodies.quick, [str(ledger.path)] * 25, names).wait(10)
            coroutines = submit_map(bodies.quick_async, [str(ledger.path)] * 25, [f"{name}a" for name in names]).wait(
                10
            )
            assert quick.wait(20) == names
            assert coroutines.wait(20) == [f"{name}a" for name in names]
            wait_until(lambda lot=lot: _renewals(worker) > lot, 10)  # type: ignore[misc]
            wait_until(lambda: len(worker.engine_ids()) == 1, 10)
        assert worker.engine_ids() != first
        assert "it has begun" in worker.log
        assert "ended (" not in worker.log
    assert set(Counter(line.name for line in ledger.lines("ran")).values()) == {1}
    assert len(ledger.lines("ran")) == 150


def test_what_runs_finishes_while_the_next_engine_serves(settings: Settings, ledger: Ledger, gate: Path) -> None:
    """A long job is neither stopped nor begun again, and holds up nobody; a second signal hurries both engines."""
    with running_worker(settings, "--slots", "1", "--max-jobs", "1") as worker:
        long = submit(bodies.until_told, str(ledger.path), "long", str(gate)).wait(5)
        ledger.wait("begin")
        wait_until(lambda: _renewals(worker) == 1, 10)
        assert submit(bodies.quick, str(ledger.path), "short").wait(5).wait(20) == "short"
        gate.touch()
        assert long.wait(10) == "long"
        assert len(ledger.lines("begin")) == 1
        gate.unlink()
        jobs = [submit(bodies.until_told, str(ledger.path), name, str(gate)).wait(5) for name in "ab"]
        ledger.wait("begin", times=3)
        family = worker.family()
        for times in (1, 2):
            worker.signal(signal.SIGTERM)
            wait_until(lambda times=times: worker.log.count("SIGTERM: ") == times)  # type: ignore[misc]
        told_at = time.monotonic()
        assert worker.exit_code(20) == 0
        assert time.monotonic() - told_at < 4 * SLACK
        wait_gone(family, 2.0)
        assert {job.state().wait(5) for job in jobs} == {State.QUEUED}


def test_a_resource_is_not_offered_twice_by_a_renewed_engine(settings: Settings, ledger: Ledger, gate: Path) -> None:
    """The next engine begins when the one before has ended: both would offer the only GPU."""
    words = ("--slots", "2", "--max-jobs", "1", "--resources", "gpu=1")
    with running_worker(settings, *words) as worker:
        first = options(resources={"gpu": 1}).submit(bodies.until_told, str(ledger.path), "a", str(gate)).wait(5)
        ledger.wait("begin")
        second = options(resources={"gpu": 1}).submit(bodies.until_told, str(ledger.path), "b", str(gate)).wait(5)
        wait_until(lambda: _renewals(worker) == 1, 10)
        assert (len(worker.engine_ids()), second.state().wait(5)) == (1, State.QUEUED)
        gate.touch()
        assert (first.wait(10), second.wait(20)) == ("a", "b")
    begun, ended = ledger.lines("begin"), ledger.lines("end")
    assert begun[1].at >= ended[0].at


def _hold(size: int, ledger: str, gate: str) -> str:
    held = b"x" * size
    bodies.until_told(ledger, "large", gate)
    return f"{len(held):,}"


@pytest.mark.slow
def test_an_engine_whose_processes_hold_too_much_is_renewed(settings: Settings, ledger: Ledger, gate: Path) -> None:
    """With the processes that its jobs run in; what runs finishes, and the next engine takes the place meanwhile."""
    with running_worker(settings, "--slots", "1", "--memory", "400MB") as worker:
        engine = worker.engine_ids()
        job = submit(_hold, 500_000_000, str(ledger.path), str(gate)).wait(5)
        wait_until(lambda: _renewals(worker) == 1, 15)
        assert "its processes hold " in worker.log
        assert submit(bodies.quick, str(ledger.path), "short").wait(5).wait(20) == "short"
        gate.touch()
        assert job.wait(20) == "500,000,000"
        wait_until(lambda: len(worker.engine_ids()) == 1 and worker.engine_ids() != engine, 20)
    assert len(ledger.lines("begin")) == 1


#: a function in a process and one in the loop, which give the same
CODE = """import nbqueue

@nbqueue.task("told")
def told(): return {0}

@nbqueue.task("said")
async def said(): return {0}
"""


def test_a_change_of_the_code_is_served_at_once(settings: Settings, tmp_path: Path, ledger: Ledger, gate: Path) -> None:
    """One that cannot be imported is told in one line with file and error, and the code from before serves on."""
    module = Path("reload_tasks.py")
    module.write_text(CODE.format(1), encoding="utf-8")
    words = ("reload_tasks", "--slots", "2", "--processes", "2", "--reload")
    with running_worker(settings, *words, modules=[tmp_path]) as worker:
        wait_until(lambda: len(worker.engine_ids()) == 2, 20)
        assert [submit(name).wait(5).wait(20) for name in ("told", "said")] == [1, 1]
        engines = worker.engine_ids()
        for code, fault in (("1 +", "SyntaxError: invalid syntax (reload_tasks.py, line 4)"),
                            ("1\n\nraise OSError('no disk')", "reload_tasks.py, line 6: OSError: no disk"),
                            ("1\n\nimport os; os._exit(3)", "ended its process (exit code 3)")):  # fmt: skip
            module.write_text(CODE.format(code), encoding="utf-8")
            wait_until(lambda fault=fault: fault in worker.log, 15)  # type: ignore[misc]
            assert [submit(name).wait(5).wait(20) for name in ("told", "said")] == [1, 1]
        faults = [
            line for line in worker.log.splitlines() if "ERROR" in line or "CRITICAL" in line or "WARNING" in line
        ]
        assert [line.rpartition("; ")[2] for line in faults] == ["the code from before serves on."] * 3
        assert worker.engine_ids() == engines
        long = [submit(bodies.until_told, str(ledger.path), name, str(gate)).wait(5) for name in "abcd"]
        ledger.wait("begin", times=4)
        module.write_text(CODE.format(22), encoding="utf-8")
        # what runs holds up nobody
        assert [submit(name).wait(5).wait(30) for name in ("told", "said")] == [22, 22]
        gate.touch()
        assert [job.wait(20) for job in long] == [*"abcd"]
        assert "ended (" not in worker.log


def test_a_worker_whose_code_is_broken_at_first_waits_for_a_change(settings: Settings, tmp_path: Path) -> None:
    """It says so once, however many engines it is to have."""
    module = Path("reload_tasks.py")
    module.write_text(CODE.format("1 +"), encoding="utf-8")
    words = ("reload_tasks", "--slots", "1", "--processes", "3", "--reload")
    worker = start_worker(settings, *words, modules=[tmp_path])
    try:
        wait_until(lambda: "Waiting for a change of the code." in worker.log, 15)
        module.write_text(CODE.format(7), encoding="utf-8")
        assert submit("told").wait(5).wait(30) == 7
        assert worker.log.count("SyntaxError") == 1
        assert "starting another" not in worker.log
    finally:
        worker.kill()
