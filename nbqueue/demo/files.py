"""What the demo leaves: tables on the terminal, the history as CSV and a chart as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from nbqueue.demo.jobshop import Instance

if TYPE_CHECKING:
    import pandas as pd

#: columns of an accuracy of 1
_BAR = 30


def print_results(console: Console, solved: Sequence[tuple[Instance, Any]], scored: Sequence[Any]) -> None:
    """A table of the solver jobs and one of the models; failed ones show their error."""
    shops = Table("JOB SHOP", "STATUS", "MAKESPAN", "BOUND", "OPTIMUM", "SOLUTIONS", "SEARCH", box=None)
    for instance, found in solved:
        size = f"{len(instance.durations)} x {len(instance.machines[0])}"
        shops.add_row(f"{instance.name} ({size})", *_solver_cells(instance, found))
    sweep = Table("MODEL (digits, 5 folds)", "ACCURACY", "", box=None)
    for found in sorted(scored, key=lambda item: -item["mean"] if isinstance(item, dict) else 1.0):
        sweep.add_row(*_model_cells(found))
    for table in (shops, sweep):
        console.print()
        console.print(table)
    console.print()


def write(history: pd.DataFrame, folder: Path) -> list[Path]:
    """The history as CSV and a picture of its timeline and throughput; their paths."""
    from matplotlib.figure import Figure

    import nbqueue
    from nbqueue.analysis import charts

    folder = folder.expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2)
    charts.timeline(history, above)
    charts.throughput(history, below)
    picture = folder / "history.png"
    figure.savefig(picture, dpi=120)
    return [nbqueue.export_csv(history, folder / "history.csv"), picture]


def _solver_cells(instance: Instance, found: Any) -> tuple[str, ...]:
    if not isinstance(found, dict):
        return (str(found), "", "", str(instance.optimum), "", "")
    return (
        "optimal, proven" if found["status"] == "optimal" else found["status"], str(found["objective"]),
        str(found["bound"]), str(instance.optimum), str(found["solutions"]), f"{found['wall_s']:.2f} s",
    )  # fmt: skip


def _model_cells(found: Any) -> tuple[str, ...]:
    if not isinstance(found, dict):
        return ("", "", str(found))
    return (found["model"], f"{found['mean']:.3f} ± {found['std']:.3f}", "█" * round(_BAR * found["mean"]))
