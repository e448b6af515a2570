"""Charts of the history as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nbqueue.cli.reach import Server
from nbqueue.errors import ConfigurationError

CHARTS = (
    "throughput", "failures", "durations", "waits", "timeline", "depth", "retries", "convergence", "report",
)  # fmt: skip
PICTURES = (".png", ".svg", ".pdf")
SIZE, DPI = (9, 4), 150
#: jobs whose convergence is drawn: the newest that reported metrics
JOBS = 50


def check_picture(path: Path) -> None:
    """Refuse the name of a file that no chart goes into."""
    if path.suffix.lower() not in PICTURES:
        raise ConfigurationError(f"{path} cannot be written: a chart goes into a .png, .svg or .pdf file.")


async def metrics(server: Server, df: Any) -> Any:
    """What the newest jobs of a history reported over time; an empty history stays one."""
    from nbqueue.client.metrics import read

    if df.empty:
        return df
    reported = df[[isinstance(last, dict) and bool(last.get("metrics")) for last in df["progress"]]].tail(JOBS)
    labels = reported["label"].fillna("")
    return await read(server.ask, server.keys, dict(zip(reported["job"].map(str), labels.map(str), strict=True)))


def draw(df: Any, name: str, path: Path) -> None:
    """Write a chart of a frame."""
    from matplotlib.figure import Figure

    from nbqueue.analysis import charts
    from nbqueue.analysis.charts import axes
    from nbqueue.analysis.charts.page import SIZE as PAGE

    figure = Figure(figsize=PAGE if name == "report" else SIZE, layout="constrained")
    if name == "convergence" and "entry" in df.columns:
        axes.says(figure.add_subplot(title="Convergence"))
    else:
        getattr(charts, name)(df, figure if name == "report" else figure.add_subplot())
    try:
        figure.savefig(path, dpi=DPI)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be written: {error}.") from error
    click.echo(f"Chart of {name} written to {path}", err=True)
