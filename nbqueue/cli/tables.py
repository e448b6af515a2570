"""What commands print: rich tables for people, JSON for scripts."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click

#: columns of output that is no terminal: wide enough that nothing is cut
WIDE = 500
_SIZES = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def print_json(value: Any) -> None:
    """One JSON document, times as ISO 8601, indented."""
    click.echo(json.dumps(value, default=_plain, indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """A table without lines; texts of jobs are printed as they are. Without rows one sentence."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = [[Text(str(cell)) for cell in row] for row in rows]
    if not found and empty:
        click.echo(empty)
        return
    console = Console()
    table = Table(*headings, box=None, pad_edge=False, header_style="bold", show_header=bool(headings))
    for row in found:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    wide = Console(width=WIDE, file=io.StringIO())
    wide.print(table)
    for line in wide.file.getvalue().splitlines():  # type: ignore[attr-defined]  # the StringIO of above
        click.echo(line.rstrip())


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
