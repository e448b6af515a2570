"""What is read from the logs of solvers, held against logs that were recorded with two versions of each and more."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.solvers.logs import Log, Reading

LOGS = Path(__file__).parent / "logs"
RECORDED = sorted(path.stem for path in LOGS.glob("*.log"))
#: of each log, how many lines say something, and what the last of them says
LAST = {
    "cbc-2.10-facility": (
        4,
        Reading(t_s=0.11, objective=181.5519039990077, bound=181.5519039990077, solutions=1, nodes=2),
    ),
    "cbc-2.10-lp": (1, Reading(t_s=0.002, objective=11.5, bound=11.5, solutions=1)),
    "cbc-2.10-max": (11, Reading(t_s=0.87, objective=2250, bound=2250, solutions=7, nodes=28_069)),
    "cbc-2.10-stopped": (6, Reading(t_s=1.28, objective=7364, bound=7395.647, solutions=3, nodes=32_501)),
    "cbc-2.9-facility": (
        4,
        Reading(t_s=0.15, objective=181.5519039990077, bound=181.5519039990077, solutions=1, nodes=4),
    ),
    "cbc-2.9-lp": (1, Reading(t_s=0.002, objective=11.5, bound=11.5, solutions=1)),
    "cbc-2.9-max": (7, Reading(t_s=0.63, objective=2250, bound=2250, solutions=3, nodes=17_932)),
    "cbc-devel-facility": (5, Reading(t_s=0.35, objective=181.552, bound=181.552, solutions=3, nodes=2)),
    "cbc-devel-lp": (1, Reading(t_s=0.001, objective=11.5, bound=11.5, solutions=1)),
    "cbc-devel-stopped": (3, Reading(t_s=1, objective=7354, bound=7395.64, solutions=1, nodes=2147)),
    "highs-1.12-scipy-facility": (
        10,
        Reading(t_s=0.05, objective=181.551903999, bound=181.551903999, solutions=6, nodes=1),
    ),
    "highs-1.15-facility": (10, Reading(t_s=0.05, objective=181.551903999, bound=181.551903999, solutions=6, nodes=1)),
    "highs-1.15-infeasible": (4, Reading()),
    "highs-1.15-knapsack": (13, Reading(t_s=0.7, objective=1841, bound=1841, solutions=6, nodes=1371)),
    "highs-1.15-lp": (1, Reading(objective=11.5, bound=11.5, solutions=1)),
    "highs-1.15-stopped": (11, Reading(t_s=1, objective=7367, bound=7395, solutions=7, nodes=195)),
    "highs-1.9-facility": (13, Reading(t_s=0.05, objective=181.551903999, bound=181.551903999, solutions=6, nodes=1)),
    "highs-1.9-knapsack": (11, Reading(t_s=0.71, objective=1841, bound=1841, solutions=5, nodes=1480)),
    "scip-10-facility": (
        53,
        Reading(t_s=0.4, objective=181.551903999008, bound=181.551903999008, solutions=11, nodes=1),
    ),
    "scip-10-infeasible": (4, Reading()),
    "scip-10-knapsack": (46, Reading(t_s=0.86, objective=1841, bound=1841, solutions=8, nodes=911)),
    "scip-9.2-facility": (
        53,
        Reading(t_s=0.32, objective=181.551903999008, bound=181.551903999008, solutions=11, nodes=1),
    ),
    "scip-9.2-knapsack": (46, Reading(t_s=0.81, objective=1841, bound=1841, solutions=8, nodes=911)),
    # a run that found out before its search says nothing of one
    "cbc-2.10-infeasible": (0, None),
}
LARGEST = ("knapsack", "max", "stopped", "lp")
WORDS = st.sampled_from(sorted({word for path in LOGS.glob("*.log") for word in path.read_text("utf-8").split()}))


def readings(name: str) -> tuple[str | None, list[Reading]]:
    """Whose log it is, and all that it says."""
    log = Log()
    lines = (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()
    found = [reading for line in lines if (reading := log.feed(line)) is not None]
    assert log.solves == 1
    return log.solver, found


@pytest.mark.parametrize("name", RECORDED)
def test_the_end_of_a_recorded_log_is_known(name: str) -> None:
    """Objective, bound, solutions, nodes and time at the end are those of the log, and of the solver that wrote it."""
    solver, found = readings(name)
    assert (solver, len(found), found[-1] if found else None) == (name.partition("-")[0], *LAST[name])


@pytest.mark.parametrize("name", RECORDED)
def test_a_search_only_gets_better(name: str) -> None:
    """Solutions near the bound from their side, whichever way the model goes, and counts and times only grow."""
    sign = -1 if name.endswith(LARGEST) else 1
    for before, after in itertools.pairwise(readings(name)[1]):
        assert before.solutions <= after.solutions
        assert before.nodes <= after.nodes
        # tables round to a tenth of a second, summaries to a hundredth
        assert before.t_s <= after.t_s + 0.06
        if before.objective is not None and after.objective is not None:
            assert sign * after.objective <= sign * before.objective + 1e-3
        if after.objective is not None and after.bound is not None:
            assert sign * after.bound <= sign * after.objective + 1e-3


def test_two_versions_of_each_solver_were_recorded() -> None:
    """Each reader is held against logs of two versions, and each log has its facts."""
    assert set(LAST) == set(RECORDED)
    versions = {tuple(name.split("-")[:2]) for name in RECORDED}
    assert {solver: sum(each == solver for each, _ in versions) for solver in ("highs", "scip", "cbc")} == {
        "highs": 3, "scip": 2, "cbc": 3,
    }  # fmt: skip


def test_the_logs_of_several_solves_are_told_apart() -> None:
    """Each solve counts its own solutions, also where another solver speaks next; SCIP's restart is none."""
    log = Log()
    lines = [
        line
        for name in ("scip-10-knapsack", "scip-9.2-knapsack", "highs-1.15-lp", "cbc-2.10-lp")
        for line in (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()
    ]
    found = [(log.solves, log.solver, reading) for line in lines if (reading := log.feed(line)) is not None]
    last = {number: (solver, reading.objective, reading.solutions) for number, solver, reading in found}
    assert last == {1: ("scip", 1841, 8), 2: ("scip", 1841, 8), 3: ("highs", 11.5, 1), 4: ("cbc", 11.5, 1)}
    restarting = Log()
    for line in ("presolving:", "(run 1, node 1) restarting after 5 global fixings of variables", "presolving:"):
        restarting.feed(line)
    assert restarting.solves == 1


@given(lines=st.lists(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join))))
def test_no_line_is_wrong(lines: list[str]) -> None:
    """Whatever stands in a log, reading it raises nothing."""
    log = Log()
    beginnings = ("Running HiGHS 9", "presolving:", "Welcome to the CBC MILP Solver", "CBC - COIN-OR Branch and Cut")
    for beginning in beginnings:
        log.feed(beginning)
        for line in lines:
            assert isinstance(log.feed(line), Reading | None)


@pytest.mark.parametrize("name", RECORDED)
def test_lines_cut_short_are_no_error(name: str) -> None:
    """A line that arrives in pieces, as of a process that was killed, raises nothing."""
    log = Log()
    for line in (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines():
        for end in range(0, len(line), 7):
            assert isinstance(log.feed(line[:end]), Reading | None)
        log.feed(line)
