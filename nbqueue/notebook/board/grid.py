"""Tables of the dashboard as HTML whose rows have a height that widgets beside them can go by; all text escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from nbqueue.board.columns import Cell, Column, Row
from nbqueue.display import palette, view
from nbqueue.display.theme import FONT, LINE, MUTED, TRACK
from nbqueue.model.states import State

#: pixels of a row, and of the heading
ROW_PX = 30
#: a box beside a row, whose words are not seen
TICK_CLASS = "nbqueue-tick"
#: a button, which shows that it was pressed until the kernel has heard of it
PRESS_CLASS = "nbqueue-press"
#: the queues with a button beside each, and these buttons: signs where there is less room than for all columns
QUEUES_CLASS, TURN_CLASS, QUEUES_PX = "nbqueue-queues", "nbqueue-turn", 760
#: what such a button is a sign of
PAUSE, RESUME = "nbqueue-pause", "nbqueue-resume"
#: of all that is around them: one or the other, and the other one as soon as the kernel hears of a press
HEARD_CLASSES = ("nbqueue-heard-0", "nbqueue-heard-1")
_HEARD, _OTHER = HEARD_CLASSES

#: a line below a button. Pressed, it is there at once; released, it would take a day to go, unless its transition is
#: taken away, which the kernel does by the other class as soon as it hears of it. Pages need no script for that
_PRESSED = f""".{PRESS_CLASS} {{position:relative}}
.{PRESS_CLASS}::before,.{PRESS_CLASS}::after {{content:"";position:absolute;left:0;right:0;bottom:0;
 height:3px;opacity:0;transition:none;pointer-events:none;background:var(--jp-brand-color1,#0072B2)}}
.{_HEARD} .{PRESS_CLASS}::before,.{_OTHER} .{PRESS_CLASS}::after {{transition:opacity 0s linear 86400s}}
.{_HEARD} .{PRESS_CLASS}:active::before,.{_OTHER} .{PRESS_CLASS}:active::after {{opacity:1;transition:none}}"""
_SIGNS = "\n".join(
    f'.{TURN_CLASS} .fa-{name}::before {{content:"{sign}";content:"{sign}"/""}}'
    for name, sign in ((PAUSE, palette.PAUSED.glyph), (RESUME, palette.STATES[State.RUNNING].glyph))
)
#: the words of a sign are not seen, and read to who cannot see it; the sign is not read, where a browser knows how
_TURNS = f""".{QUEUES_CLASS} {{container:{QUEUES_CLASS}/inline-size}}
.{TURN_CLASS} i.fa {{display:none}}
{_SIGNS}
@container {QUEUES_CLASS} (width<{QUEUES_PX}px) {{
.{TURN_CLASS}.{TURN_CLASS} {{width:32px!important;padding:0;font-size:0}}
.{TURN_CLASS} i.fa.fa {{display:inline;margin:0;font-family:inherit;font-size:13px;font-weight:600;
 vertical-align:middle}}
}}"""

#: once for all tables: in each cell it would be most of what is sent. The doubled class wins over the page's own rules
STYLE = f"""<style>
.nbqueue-grid.nbqueue-grid {{border-collapse:collapse;width:100%;margin:0;table-layout:fixed;border:0;
 font-size:inherit}}
.nbqueue-grid.nbqueue-grid tr {{height:{ROW_PX}px;background:none}}
.nbqueue-grid.nbqueue-grid tr[aria-selected] {{background:rgba(0,114,178,.16)}}
.nbqueue-grid.nbqueue-grid :is(td,th) {{padding:0 8px 0 4px;border:0;border-bottom:1px solid {LINE};text-align:left;
 white-space:nowrap;overflow:hidden;text-overflow:ellipsis;line-height:{ROW_PX - 1}px;vertical-align:middle}}
.nbqueue-grid.nbqueue-grid th {{{MUTED};font-weight:400}}
.nbqueue-grid.nbqueue-grid .nbqueue-n {{text-align:right;font-variant-numeric:tabular-nums}}
.nbqueue-grid .nbqueue-bar {{display:inline-block;vertical-align:middle;width:3.5em;height:7px;border-radius:4px;
 overflow:hidden;background-color:{TRACK}}}
.nbqueue-grid .nbqueue-bar > span {{display:block;height:7px}}
.{TICK_CLASS} label > span {{font-size:0}}
{_PRESSED}
{_TURNS}
</style>"""
_NUMBER = ' class="nbqueue-n"'


def table(
    title: str, columns: Sequence[Column], rows: Sequence[Row], *, chosen: Collection[int] = (), empty: str = ""
) -> str:
    """A table of this name, which readers of screens announce."""
    cols = "".join(f'<col style="width:{each.width_em:g}em">' if each.width_em else "<col>" for each in columns)
    head = "".join(map(_heading, columns))
    body = "".join(_row(columns, row, on=number in chosen) for number, row in enumerate(rows))
    if not rows:
        body = f'<tr><td colspan="{len(columns)}">{escape(empty)}</td></tr>'
    least_em = sum(each.width_em or each.least_em for each in columns)
    named = f'aria-label="{escape(title)}" style="min-width:{least_em:g}em"'
    return (
        f'<div style="{FONT}"><table class="nbqueue-grid" {named}>'
        f"<colgroup>{cols}</colgroup><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def heading(text: str, more: str = "") -> str:
    """The name of a part of the dashboard."""
    told = f' <span style="font-weight:400;{MUTED}">{escape(more)}</span>' if more else ""
    return (
        f'<div role="heading" aria-level="3" style="{FONT};font-weight:600;line-height:28px">{escape(text)}{told}</div>'
    )


def _heading(column: Column) -> str:
    return f'<th scope="col"{_NUMBER if column.number else ""}>{escape(column.name)}</th>'


def _row(columns: Sequence[Column], row: Row, *, on: bool) -> str:
    cells = "".join(_cell(column, cell) for column, cell in zip(columns, row, strict=True))
    return f'<tr aria-selected="true">{cells}</tr>' if on else f"<tr>{cells}</tr>"


def _cell(column: Column, cell: Cell) -> str:
    mark = f'<b style="color:{cell.look.colour}">{cell.look.glyph}</b> ' if cell.look else ""
    title = f' title="{escape(cell.title)}"' if cell.title and cell.title != cell.text else ""
    inner = _bar(cell) if cell.fraction is not None else f"{mark}{escape(cell.text)}"
    return f"<td{_NUMBER if column.number else ''}{title}>{inner}</td>"


def _bar(cell: Cell) -> str:
    share, colour = cell.fraction or 0.0, (cell.look or palette.STATES[State.RUNNING]).colour
    return (
        f'<span role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{view.valuenow(share)}" '
        f'aria-label="progress" class="nbqueue-bar"><span style="width:{share * 100:.1f}%;background-color:{colour}">'
        f"</span></span> {escape(cell.text)}"
    )
