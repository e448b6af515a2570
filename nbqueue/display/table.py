"""A small table that reads well in a notebook, in a terminal and as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nbqueue.display import wording

_CELL = "text-align:left;padding:2px 12px 2px 0"
_SHORT = f"{_CELL};white-space:nowrap"
#: a longer text is broken into lines
_LONG = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under headings, with a line above them. Everything shown is one harmless line."""

    title: str
    #: all empty: there are no headings
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]] = ()
    #: what to say where there are no rows
    empty: str = ""
    #: what to say below the rows
    note: str = ""
    #: characters of a cell
    limit: int = 80

    def __repr__(self) -> str:
        title, rows = wording.line(self.title), self._clean()
        if not rows:
            return "\n".join(part for part in (title, self.empty) if part)
        shown = [list(self.columns), *rows] if any(self.columns) else rows
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]
        return "\n".join([title, *lines, *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        title, rows = escape(wording.line(self.title)), self._clean()
        if not rows:
            return f"<div><b>{title}</b> {escape(self.empty)}</div>"
        head = "".join(f'<th style="{_SHORT}">{escape(name)}</th>' for name in self.columns)
        headed = f"<thead><tr>{head}</tr></thead>" if any(self.columns) else ""
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
        note = f"<div>{escape(self.note)}</div>" if self.note else ""
        return f"<div><b>{title}</b><table>{headed}<tbody>{body}</tbody></table>{note}</div>"

    def _clean(self) -> list[list[str]]:
        return [[wording.line(value, self.limit) for value in row] for row in self.rows]


def _cell(value: str) -> str:
    return f'<td style="{_SHORT if len(value) <= _LONG else _CELL}">{escape(value)}</td>'
