"""Any function that solves, called by `solvers.call`: progress from the log, the function's own value, a hard end."""

import subprocess
import sys
from typing import Any

import psutil
import pytest

import nbqueue
from nbqueue import ConfigurationError, JobCancelled, options, solvers, submit
from tests.solvers import knapsacks
from tests.waiting import until
from tests.workers import lives, wait_gone


@pytest.fixture(autouse=True)
def _no_process_left_behind(client_of_served: None) -> None:
    """As everywhere, except that the module's worker may replace its processes."""


async def proven(job: nbqueue.Job[Any]) -> tuple[dict[str, Any], float]:
    """What a job reported last, and how far its bar went."""
    record = await job.info()
    return record.progress.metrics, record.progress.done


@pytest.mark.parametrize(
    ("fn", "args", "value", "sign", "banner"),
    [
        (knapsacks.by_scipy, (), (0, 1841.0), -1, "Running HiGHS"),
        (knapsacks.by_pulp, (), 1841.0, 1, "Welcome to the CBC MILP Solver"),
        (knapsacks.by_pyomo, (), 1841.0, 1, "Running HiGHS"),
        (knapsacks.by_cvxpy, (), 1841.0, -1, "Running HiGHS"),
        (knapsacks.by_cvxpy, ("SCIP",), 1841.0, -1, "SCIP Status"),
    ],
    ids=["scipy", "pulp", "pyomo", "cvxpy", "cvxpy-scip"],
)
async def test_the_call_of_any_library_is_a_job(fn: Any, args: Any, value: Any, sign: int, banner: str) -> None:
    """The job gives the function's own value, reports what the solver's log says, and has that log as its own.

    Objective and bound have the sign that the solver sees: scipy and CVXPY minimise whatever they are given.
    """
    job = await submit(solvers.call, fn, *args)
    assert await job == pytest.approx(value)
    metrics, done = await proven(job)
    optimum = pytest.approx(sign * knapsacks.OPTIMUM)
    assert metrics == {"objective": optimum, "bound": optimum, "gap": 0.0, "solutions": metrics["solutions"]}
    assert metrics["solutions"] >= 1
    assert done == 100
    assert banner in await job.logs()


async def test_progress_comes_while_it_solves_and_a_cancel_leaves_no_process() -> None:
    """CBC, a process of its own, is heard while it searches, and a cancelled job takes it along."""
    job = await submit(solvers.call, knapsacks.by_pulp, 200, 10, 7)

    async def seen() -> Any:
        return (await job.info()).progress.metrics.get("bound")

    assert await until(seen, 20) == pytest.approx(7396, abs=2)
    solving = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "cbc"]
    assert [process for process in solving if lives(process)]
    await job.cancel()
    with pytest.raises(JobCancelled):
        await job
    wait_gone(solving)


async def test_a_limit_of_the_solver_gives_what_was_found() -> None:
    """A time limit of the tool's own is no end of the job: its value is what the tool returns."""
    status, value = await nbqueue.run(solvers.call, knapsacks.by_scipy, 400, time_limit=1.0)
    assert (status, value > 10_000) == (1, True)


def print_a_log() -> None:
    """What HiGHS would say of a search that ends with a gap."""
    row = " L       0       0         0   0.00%   200  100  100.00%  0  0  0  60  0.1s"
    sys.stdout.write(f"Running HiGHS 1.15.1\n{row}\n")


def solve_in_a_loop() -> None:
    """Two solves, in a loop that has the job's bar."""
    for _ in nbqueue.track(range(2)):
        solvers.call(print_a_log)


async def test_a_bar_of_the_function_s_own_stays() -> None:
    """A solve within a loop that is tracked moves a bar below the job's, which is gone with the solve."""
    job = await submit(solve_in_a_loop)
    await job
    record = await job.info()
    assert (record.progress.done, record.progress.total, record.progress.bars) == (2, 2, ())
    assert record.progress.metrics == {"objective": 100.0, "bound": 200.0, "gap": 1.0, "solutions": 1}


async def test_routes_stop_gracefully() -> None:
    """PyVRP, given `solvers.stopping`, reports each better cost and hands its best plan back when it is cancelled."""
    job = await options(grace=20).submit(knapsacks.route, 60.0)

    async def seen() -> Any:
        return (await job.info()).progress.metrics.get("solutions")

    assert await until(seen, 20)
    await job.cancel()
    with pytest.raises(JobCancelled) as caught:
        await job
    feasible, cost = caught.value.partial
    assert (feasible, (await job.info()).progress.metrics["objective"]) == (True, cost)


def plain(code: str) -> list[str]:
    """What a script prints that has the standard library, `solvers` and `capture` at hand."""
    begin = "import subprocess, sys, threading\nfrom nbqueue import solvers\nfrom nbqueue.solvers import capture\n"
    ran = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout.splitlines()


def test_outside_a_job_it_is_the_call_of_the_function() -> None:
    """In a script the function's value and its output are as without it; arguments are passed on."""
    assert solvers.call(max, 3, 5, key=abs) == 5
    assert plain("print(solvers.call(lambda n: print('solving') or n, 3))\nprint('after')") == ["solving", "3", "after"]


def test_an_error_of_the_function_is_its_own() -> None:
    """What the function raises is raised, and standard output is what it was."""
    code = "try: solvers.call(lambda: 1 / 0)\nexcept ZeroDivisionError: print('divided')"
    assert plain(code) == ["divided"]


def test_lines_are_taken_from_native_code_and_child_processes() -> None:
    """Everything that is written to standard output is taken in its order, and goes on to where it went before."""
    code = """
lines = []
with capture.captured(lines.append) as taken:
    print("of Python")
    import ctypes; ctypes.CDLL(None).puts(b"of C")
    subprocess.run([sys.executable, "-c", "import sys; print('of a child', sys.stdout.isatty())"])
    sys.stdout.write("without an end")
print()
print(taken, lines)
"""
    printed = ["of Python", "of C", "of a child True", "without an end"]
    assert plain(code) == [*printed, "True ['of Python', 'of C', 'of a child True']"]


def test_a_writer_that_holds_the_lock_of_python_does_not_wait_for_ever() -> None:
    """Far more than a terminal holds is written without giving any Python thread a turn, and all of it arrives."""
    code = """
import ctypes
lines = []
puts = ctypes.PyDLL(None).puts
with capture.captured(lines.append):
    sys.setswitchinterval(1_000)
    for number in range(20_000):
        puts(b"0123456789" * 10)
print(len(lines), set(map(len, lines)))
"""
    assert plain(code)[-1] == "20000 {100}"


def test_one_call_at_a_time_is_listened_to() -> None:
    """Standard output belongs to the process: a call within or beside another one solves, and is not listened to."""
    code = """
with capture.captured(print) as first, capture.captured(print) as second:
    pass
print(first, second, solvers.call(lambda: solvers.call(lambda: 7)))
"""
    assert plain(code) == ["True False 7"]


async def solving() -> None:
    """A coroutine function."""


def test_only_plain_functions_are_called() -> None:
    """A coroutine function, or no function at all, is refused in one sentence."""
    for wrong in (solving, 5):
        with pytest.raises(ConfigurationError, match=r"solvers\.call got .* which is no plain function: give one"):
            _ = solvers.call(wrong)  # type: ignore[arg-type]


def test_a_criterion_counts_and_combines() -> None:
    """It is true when one of its own is; costs that stand for "none yet" are not reported."""
    asked: list[float] = []

    def never(cost: float) -> bool:
        asked.append(cost)
        return False

    criterion = solvers.stopping(lambda cost: cost < 5, never)
    assert [criterion(cost) for cost in (2**63 - 1, 9, 4)] == [False, False, True]
    assert asked == [2**63 - 1, 9, 4]
