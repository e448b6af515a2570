"""The suite's models for CP-SAT."""

from typing import Any

from ortools.sat.python import cp_model

from tests.solvers import instances


def knapsack() -> tuple[Any, list[Any]]:
    """To be maximized: BEST."""
    model = cp_model.CpModel()
    taken = [model.new_bool_var(f"x{index}") for index in range(len(instances.SIZES))]
    model.add(sum(size * x for size, x in zip(instances.SIZES, taken, strict=True)) <= instances.ROOM)
    model.maximize(sum(value * x for value, x in zip(instances.VALUES, taken, strict=True)))
    return model, taken


def coins() -> tuple[Any, list[Any]]:
    """To be minimized: FEWEST."""
    model = cp_model.CpModel()
    counts = [model.new_int_var(0, instances.AMOUNT, f"of_{coin}") for coin in instances.COINS]
    model.add(sum(coin * count for coin, count in zip(instances.COINS, counts, strict=True)) == instances.AMOUNT)
    model.minimize(sum(counts))
    return model, counts


def caps() -> tuple[Any, list[Any]]:
    """To be maximized: LARGEST_CAP, which takes minutes to prove."""
    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"p{index}") for index in range(3**instances.DIMENSION)]
    for line in instances.lines():
        model.add(sum(chosen[place] for place in line) <= 2)
    model.maximize(sum(chosen))
    return model, chosen


def infeasible() -> tuple[Any, list[Any]]:
    """Without a solution."""
    model = cp_model.CpModel()
    x = model.new_int_var(0, 3, "x")
    model.add(2 * x == 7)
    return model, [x]


def shop(name: str) -> tuple[Any, list[Any]]:
    """A job shop; its variables are the makespan and the first starts."""
    durations, machines = instances.shop(name)
    model = cp_model.CpModel()
    horizon = sum(map(sum, durations))
    makespan = model.new_int_var(0, horizon, "makespan")
    busy: dict[int, list[Any]] = {}
    firsts = []
    for job, (times, places) in enumerate(zip(durations, machines, strict=True)):
        ready: Any = 0
        for step, (needed, machine) in enumerate(zip(times, places, strict=True)):
            start = model.new_int_var(0, horizon, f"s{job}_{step}")
            busy.setdefault(machine, []).append(model.new_fixed_size_interval_var(start, needed, f"i{job}_{step}"))
            model.add(start >= ready)
            ready = start + needed
            firsts += [start] if step == 0 else []
        model.add(makespan >= ready)
    for intervals in busy.values():
        model.add_no_overlap(intervals)
    model.minimize(makespan)
    return model, [makespan, *firsts]
