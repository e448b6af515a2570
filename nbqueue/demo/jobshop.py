"""Three job shops of the literature, and a job that solves one to proven optimality with CP-SAT."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass
from importlib import resources
from typing import Any

import nbqueue

#: seconds between two calls of stop_search(): one that comes before the search has begun is lost
STOP_PAUSE_S = 0.05

Rows = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A job shop: each job's operations in order, each on one machine for some time."""

    name: str
    #: the least makespan, proven in the literature
    optimum: int
    #: where the instance was published
    reference: str
    #: row j, column k: time of operation k of job j
    durations: Rows
    #: row j, column k: its machine
    machines: Rows


def instances() -> list[Instance]:
    """The instances that come with the package, the hardest last."""
    text = resources.files("nbqueue.demo").joinpath("jobshop.json").read_text(encoding="utf-8")
    return [Instance(**fields) for fields in json.loads(text)["instances"]]


def solve(durations: Rows, machines: Rows) -> dict[str, Any]:
    """Find a schedule of least makespan and prove it. Asked to stop, it hands back the best one so far.

    One worker thread and no linear relaxation: the same search in every run, and for these shops the quickest proof.

    Returns:
        status ("OPTIMAL" when proven), objective, bound, solutions, wall_s, and starts (row j, column k).
    """
    from ortools.sat.python import cp_model

    model, starts = _model(cp_model, durations, machines)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 0
    watch = _Watch()
    solver.best_bound_callback = watch.bounded
    over = threading.Event()
    nbqueue.on_stop(lambda: _stop(solver, over))
    try:
        status = solver.solve(model, _solution_callback(cp_model, watch))
    finally:
        over.set()
    bound = round(solver.best_objective_bound)
    # the search ends with a last bound that the callback does not get
    watch.bounded(bound)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return {
        "status": solver.status_name(status), "objective": round(solver.objective_value) if found else None,
        "bound": bound, "solutions": watch.solutions, "wall_s": solver.wall_time,
        "starts": [[solver.value(start) for start in row] for row in starts] if found else None,
    }  # fmt: skip


def check_schedule(instance: Instance, starts: Rows) -> int:
    """The makespan of a schedule, worked out without the solver; raises ValueError where it breaks a rule."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for begins, times, places in zip(starts, instance.durations, instance.machines, strict=True):
        ready = 0
        for begin, time_needed, machine in zip(begins, times, places, strict=True):
            if begin < ready:
                raise ValueError(f"{instance.name}: an operation begins at {begin}, before the one before it has ended")
            ready = begin + time_needed
            spans.setdefault(machine, []).append((begin, ready))
    for machine, taken in spans.items():
        taken.sort()
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(taken)):
            raise ValueError(f"{instance.name}: machine {machine} does two operations at once")
    return max(end for taken in spans.values() for _, end in taken)


def _model(cp_model: Any, durations: Rows, machines: Rows) -> tuple[Any, list[list[Any]]]:
    """The model: an interval an operation, in order within a job, one at a time on a machine."""
    model = cp_model.CpModel()
    horizon = sum(map(sum, durations))
    makespan = model.new_int_var(0, horizon, "makespan")
    on_machine: dict[int, list[Any]] = {}
    starts: list[list[Any]] = []
    for job, (times, places) in enumerate(zip(durations, machines, strict=True)):
        row: list[Any] = []
        for step, (needed, machine) in enumerate(zip(times, places, strict=True)):
            start = model.new_int_var(0, horizon, f"s{job}_{step}")
            on_machine.setdefault(machine, []).append(
                model.new_fixed_size_interval_var(start, needed, f"i{job}_{step}")
            )
            if row:
                model.add(start >= row[-1] + times[step - 1])
            row.append(start)
        model.add(makespan >= row[-1] + times[-1])
        starts.append(row)
    for intervals in on_machine.values():
        model.add_no_overlap(intervals)
    model.minimize(makespan)
    return model, starts


class _Watch:
    """Reports incumbent, bound and gap; called from the search, so it never raises and never waits."""

    def __init__(self) -> None:
        self.solutions = 0
        self._objective: float | None = None
        self._bound = 0.0

    def found(self, objective: float, bound: float) -> None:
        self.solutions += 1
        self._objective, self._bound = objective, max(self._bound, bound)
        self._report()

    def bounded(self, bound: float) -> None:
        self._bound = max(self._bound, bound)
        self._report()

    def _report(self) -> None:
        if self._objective is None:
            nbqueue.report(bound=self._bound)
            return
        gap = max(self._objective - self._bound, 0.0) / self._objective
        nbqueue.report(objective=self._objective, bound=self._bound, gap=gap, solutions=self.solutions)
        # the bar is what is closed of the gap
        nbqueue.progress(round(100 * (1 - gap)), 100)


def _solution_callback(cp_model: Any, watch: _Watch) -> Any:
    class Callback(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # ortools is imported in the job alone
        def on_solution_callback(self) -> None:
            watch.found(self.objective_value, self.best_objective_bound)

    return Callback()


def _stop(solver: Any, over: threading.Event) -> None:
    """Ask for the end of the search until it has ended."""
    while not over.is_set():
        solver.stop_search()
        over.wait(STOP_PAUSE_S)
