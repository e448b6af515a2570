"""Tables of the dashboard as HTML whose rows have a height that widgets beside them can go by; all text escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from nbqueue.model.states import State
from nbqueue.notebook import palette
from nbqueue.notebook.board.columns import Cell, Column, Row

#: pixels of a row, and of the heading
ROW_PX = 30
#: of a column without a width, in em
LEAST_EM = 7.0

FONT = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "color:var(--jp-ui-font-color1,inherit)"
)
MUTED = "color:var(--jp-ui-font-color2,inherit)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.35))"
TRACK = "var(--jp-border-color2,rgba(128,128,128,.3))"
#: a selected row, over whatever the theme's background is
_CHOSEN = "background:rgba(0,114,178,.16)"
_TABLE = "border-collapse:collapse;border-spacing:0;width:100%;margin:0;table-layout:fixed"
_CELL = "padding:0 8px 0 4px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;line-height:29px"


def table(
    title: str, columns: Sequence[Column], rows: Sequence[Row], *, chosen: Collection[int] = (), empty: str = ""
) -> str:
    """A table of this name, which readers of screens announce."""
    cols = "".join(f'<col style="width:{each.width_em:g}em">' if each.width_em else "<col>" for each in columns)
    body = "".join(_row(columns, row, on=number in chosen) for number, row in enumerate(rows))
    if not rows:
        body = f'<tr style="height:{ROW_PX}px"><td colspan="{len(columns)}" style="{_CELL}">{escape(empty)}</td></tr>'
    head = "".join(map(_heading, columns))
    least_em = sum(each.width_em or LEAST_EM for each in columns)
    return (
        f'<div style="{FONT}"><table aria-label="{escape(title)}" style="{_TABLE};min-width:{least_em:g}em">'
        f'<colgroup>{cols}</colgroup><thead><tr style="height:{ROW_PX}px">{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def heading(text: str, more: str = "") -> str:
    """The name of a part of the dashboard."""
    told = f' <span style="font-weight:400;{MUTED}">{escape(more)}</span>' if more else ""
    return (
        f'<div role="heading" aria-level="3" style="{FONT};font-weight:600;line-height:28px">{escape(text)}{told}</div>'
    )


def _heading(column: Column) -> str:
    return (
        f'<th scope="col" style="{_CELL};{MUTED};font-weight:400;text-align:{_side(column)};border:0;'
        f'border-bottom:1px solid {LINE}">{escape(column.name)}</th>'
    )


def _row(columns: Sequence[Column], row: Row, *, on: bool) -> str:
    style = f"height:{ROW_PX}px;{_CHOSEN}" if on else f"height:{ROW_PX}px;background:none"
    said = ' aria-selected="true"' if on else ""
    cells = "".join(_cell(column, cell) for column, cell in zip(columns, row, strict=True))
    return f'<tr style="{style}"{said}>{cells}</tr>'


def _cell(column: Column, cell: Cell) -> str:
    mark = f'<span style="color:{cell.look.colour};font-weight:bold">{cell.look.glyph}</span> ' if cell.look else ""
    title = f' title="{escape(cell.title)}"' if cell.title else ""
    inner = _bar(cell) if cell.fraction is not None else f"{mark}{escape(cell.text)}"
    style = f"{_CELL};text-align:{_side(column)};border:0;border-bottom:1px solid {LINE}"
    return f'<td{title} style="{style}">{inner}</td>'


def _side(column: Column) -> str:
    return "right;font-variant-numeric:tabular-nums" if column.number else "left"


def _bar(cell: Cell) -> str:
    percent, colour = (cell.fraction or 0.0) * 100, (cell.look or palette.STATES[State.RUNNING]).colour
    fill = f'<span style="display:block;width:{percent:.1f}%;height:7px;background-color:{colour}"></span>'
    return (
        f'<span role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent:.0f}" '
        f'aria-label="progress" style="display:inline-block;vertical-align:middle;width:3.5em;height:7px;'
        f'border-radius:4px;overflow:hidden;background-color:{TRACK}">{fill}</span> '
        f'<span style="font-variant-numeric:tabular-nums">{escape(cell.text)}</span>'
    )
