"""Charts of the history as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from nbqueue.cli.reach import Server
from nbqueue.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

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


class _Picture:
    """A chart of one frame."""

    def __init__(self, file: IO[bytes], name: str, kind: str) -> None:
        from matplotlib.figure import Figure

        from nbqueue.analysis.charts.page import SIZE as PAGE

        self._file, self._name, self._kind = file, name, kind
        self._figure = Figure(figsize=PAGE if name == "report" else SIZE, layout="constrained")

    def add(self, df: pd.DataFrame) -> None:
        """Draw it."""
        from nbqueue.analysis import charts
        from nbqueue.analysis.charts import axes

        if self._name == "convergence" and "entry" in df.columns:  # nothing was reported
            axes.says(self._figure.add_subplot(title="Convergence"))
            return
        ground = self._figure if self._name == "report" else self._figure.add_subplot()
        getattr(charts, self._name)(df, ground)

    def close(self) -> None:
        """Write the picture, drawn whole: what draws a PDF loses its way on a full disk."""
        drawn = io.BytesIO()
        self._figure.savefig(drawn, format=self._kind, dpi=DPI)
        self._file.write(drawn.getvalue())

    def drop(self) -> None:
        """Nothing is kept beside the file."""


def draw(df: Any, name: str, path: Path) -> None:
    """Write a chart of a frame."""
    from nbqueue.analysis.files.writer import Writer

    with Writer(path, lambda file: _Picture(file, name, path.suffix[1:].lower())) as writer:
        writer.add(df)
    click.echo(f"Chart of {name} written to {path}", err=True)
