"""A small table that reads well in a notebook, in a terminal and as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nbqueue.notebook import wording

_CELL = "text-align:left;padding:2px 12px 2px 0;white-space:nowrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under headings, with a line above them. Everything shown is one harmless line."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]] = ()
    #: what to say where there are no rows
    empty: str = ""

    def __repr__(self) -> str:
        title, rows = wording.line(self.title), self._clean()
        if not rows:
            return "\n".join(part for part in (title, self.empty) if part)
        widths = [max(map(len, column)) for column in zip(self.columns, *rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (self.columns, *rows)]
        return "\n".join([title, *lines])

    def _repr_html_(self) -> str:
        title, rows = escape(wording.line(self.title)), self._clean()
        if not rows:
            return f"<div><b>{title}</b> {escape(self.empty)}</div>"
        head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{escape(value)}</td>' for value in row) + "</tr>" for row in rows
        )
        return f"<div><b>{title}</b><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"

    def _clean(self) -> list[list[str]]:
        return [[wording.line(value, 80) for value in row] for row in self.rows]
