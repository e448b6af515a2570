"""Tables of the dashboard as HTML whose rows have a height that widgets beside them can go by; all text escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from nbqueue.notebook.board.columns import Cell, Row

#: pixels of a row, and of the heading
ROW_PX = 30

FONT = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "color:var(--jp-ui-font-color1,inherit)"
)
MUTED = "color:var(--jp-ui-font-color2,inherit)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.35))"
TRACK = "var(--jp-border-color2,rgba(128,128,128,.3))"
#: a selected row, over whatever the theme's background is
_CHOSEN = "background:rgba(0,114,178,.16)"
_TABLE = "border-collapse:collapse;border-spacing:0;width:100%;margin:0;table-layout:auto"
_CELL = "padding:0 10px 0 4px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;line-height:29px"


def table(
    title: str, columns: Sequence[str], rows: Sequence[Row], *, chosen: Collection[int] = (), empty: str = "",
    wide: str = "",
) -> str:  # fmt: skip
    """A table under a title that readers of screens announce; `wide`: the column that takes what room there is."""
    numbers = {place for row in rows for place, cell in enumerate(row) if cell.number}
    head = "".join(_heading(name, right=place in numbers, wide=name == wide) for place, name in enumerate(columns))
    body = "".join(_row(row, on=number in chosen) for number, row in enumerate(rows))
    if not rows:
        body = f'<tr style="height:{ROW_PX}px"><td colspan="{len(columns)}" style="{_CELL}">{escape(empty)}</td></tr>'
    return (
        f'<div style="{FONT};overflow-x:auto;overflow-y:hidden"><table aria-label="{escape(title)}" style="{_TABLE}">'
        f'<thead><tr style="height:{ROW_PX}px">{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def heading(text: str, more: str = "") -> str:
    """The name of a part of the dashboard."""
    told = f' <span style="font-weight:400;{MUTED}">{escape(more)}</span>' if more else ""
    return (
        f'<div role="heading" aria-level="3" style="{FONT};font-weight:600;line-height:28px">{escape(text)}{told}</div>'
    )


def _heading(name: str, *, right: bool, wide: bool) -> str:
    width = ";width:99%" if wide else ""
    side = "right" if right else "left"
    return (
        f'<th scope="col" style="{_CELL};{MUTED};font-weight:400;text-align:{side};border:0;'
        f'border-bottom:1px solid {LINE}{width}">{escape(name)}</th>'
    )


def _row(row: Row, *, on: bool) -> str:
    style = f"height:{ROW_PX}px;{_CHOSEN}" if on else f"height:{ROW_PX}px;background:none"
    said = ' aria-selected="true"' if on else ""
    return f'<tr style="{style}"{said}>{"".join(map(_cell, row))}</tr>'


def _cell(cell: Cell) -> str:
    side = "right;font-variant-numeric:tabular-nums" if cell.number else "left"
    mark = f'<span style="color:{cell.look.colour};font-weight:bold">{cell.look.glyph}</span> ' if cell.look else ""
    title = f' title="{escape(cell.title)}"' if cell.title else ""
    inner = _bar(cell) if cell.fraction is not None else f"{mark}{escape(cell.text)}"
    return f'<td{title} style="{_CELL};text-align:{side};border:0;border-bottom:1px solid {LINE}">{inner}</td>'


def _bar(cell: Cell) -> str:
    percent = (cell.fraction or 0.0) * 100
    fill = f'<span style="display:block;width:{percent:.1f}%;height:7px;background-color:#0072B2"></span>'
    return (
        f'<span role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent:.0f}" '
        f'aria-label="progress" style="display:inline-block;vertical-align:middle;width:5em;height:7px;'
        f'border-radius:4px;overflow:hidden;background-color:{TRACK}">{fill}</span> '
        f'<span style="font-variant-numeric:tabular-nums">{escape(cell.text)}</span>'
    )
