"""Three job shops of the literature, and a job that solves one to proven optimality with CP-SAT."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from nbqueue.solvers import cpsat

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

    One thread and no linear relaxation: the same search in every run, and for these shops the quickest proof.

    Returns:
        status ("optimal" when proven), objective, bound, solutions, wall_s, and starts (row j, column k).
    """
    model, starts = build(durations, machines)
    found = cpsat.solve(model, threads=1, params={"linearization_level": 0})
    return {
        "status": str(found.status), "objective": _whole(found.objective), "bound": _whole(found.bound),
        "solutions": found.solutions, "wall_s": found.wall_s,
        "starts": [[found.value(start) for start in row] for row in starts] if found else None,
    }  # fmt: skip


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


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


def build(durations: Rows, machines: Rows) -> tuple[Any, list[list[Any]]]:
    """The model and its starts: an interval an operation, in order within a job, one at a time on a machine."""
    from ortools.sat.python import cp_model

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
