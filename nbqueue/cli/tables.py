"""What commands print: tables for people, JSON for scripts."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from nbqueue.cli import values
from nbqueue.display import wording

#: characters of a text from a job that a table shows at most, also where nothing has to fit
TEXT_LIMIT = 500
#: columns whose texts may be cut on a terminal, and to how many cells at most
CUT = frozenset({"FUNCTION", "LABEL", "ERROR", "WORKER", "HOST", "QUEUE", "QUEUES", "WHY"})
LEAST = 10
_GAP = "  "
_SIZES = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def print_json(value: Any) -> None:
    """One JSON document, times as ISO 8601, indented; of numbers that JSON does not have null."""
    click.echo(values.written(value, default=_plain, indent=2))


def print_answers(answers: Mapping[str, str], *, json_wanted: bool) -> None:
    """What became of each job, a line each."""
    if json_wanted:
        print_json(answers)
        return
    for job_id, answer in answers.items():
        click.echo(f"{job_id}  {answer}")


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "", spare: Sequence[str] = ()
) -> None:
    """A table without lines, one line a row; texts of jobs are made harmless. Without rows one sentence.

    On a terminal it is made to fit: columns of `spare` are left out in this order, then texts are cut. What names a
    job or says a time is never cut.
    """
    found = [[wording.line(cell, TEXT_LIMIT) for cell in row] for row in rows]
    if not found and empty:
        click.echo(empty)
        return
    lines = [list(column) for column in zip(*([headings] if headings else []), *found, strict=True)]
    if headings and sys.stdout.isatty():
        lines = fitting(lines, shutil.get_terminal_size().columns, spare)
    widths = [max(map(cell_len, line)) for line in lines]
    for number, row in enumerate(zip(*lines, strict=True)):
        text = _GAP.join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(text if number or not headings else click.style(text, bold=True))


def fitting(columns: list[list[str]], width: int, spare: Sequence[str]) -> list[list[str]]:
    """The columns (heading first) in at most so many cells where that is possible."""
    kept = [column for column in columns if column[0] != "" or any(column)]
    for name in spare:
        if _excess(kept, width, LEAST) > 0:
            kept = [column for column in kept if column[0] != name]
    limit = max(map(cell_len, (cell for column in kept for cell in column)), default=LEAST)
    while limit > LEAST and _excess(kept, width, limit) > 0:
        limit -= 1
    return [[_cut(cell, limit) for cell in column] if column[0] in CUT else column for column in kept]


def _excess(columns: list[list[str]], width: int, limit: int) -> int:
    """Cells too many when texts are cut to a limit."""
    lengths = [max(map(cell_len, column)) for column in columns]
    shown = (min(cells, limit) if column[0] in CUT else cells for column, cells in zip(columns, lengths, strict=True))
    return sum(shown) + len(_GAP) * (len(columns) - 1) - width


def _cut(text: str, limit: int) -> str:
    return text if cell_len(text) <= limit else set_cell_size(text, limit - 1).rstrip() + "…"


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values, one pair a line."""
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        click.echo(f"{name:<{width}}{value}")


def ago(moment: datetime | None) -> str:
    """How long ago a moment is, short: "4 min ago"."""
    return f"{span_since(moment)} ago" if moment else ""


def span_since(moment: datetime | None) -> str:
    """The time since a moment, short."""
    return span((datetime.now(UTC) - moment).total_seconds()) if moment else ""


def span(seconds: float | None) -> str:
    """A length of time, short."""
    if seconds is None or seconds != seconds:  # noqa: PLR0124 - NaN
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{max(seconds, 0):.1f} s"  # noqa: PLR2004 - below, tenths matter


def size(number: float | None) -> str:
    """A size in bytes, short."""
    if number is None:
        return ""
    for unit in _SIZES:
        if number < _STEP or unit == _SIZES[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _STEP
    return ""


def _plain(value: Any) -> Any:
    """What JSON does not know, as something it knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
