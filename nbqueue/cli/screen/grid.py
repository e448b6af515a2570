"""Tables of a terminal: columns that keep their widths whatever stands in them, and fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from nbqueue.board import columns
from nbqueue.board.columns import Cell, Column, Row

#: cells of a column; those that are not named share what is left
_WIDTHS: Mapping[str, int] = {
    "is": 11, "waiting": 8, "delayed": 8, "running": 8, "failed": 7, "per minute": 8, "oldest waits": 11,
    "process": 8, "functions": 9, "CPU": 5, "memory": 8, "up for": 9, "versions": 28,
    "state": 12, "progress": 16, "time": 11, "submitted": 11, "queue": 10,
}  # fmt: skip
#: parts of what is left, of those that do not get one
_PARTS_OF: Mapping[str, int] = {"message, error": 2}
#: where the name of a column is longer than what stands in it
_SHORT: Mapping[str, str] = {"per minute": "per min", "oldest waits": "oldest"}
#: left out in this order where a terminal is narrow
_SPARE = (
    "versions", "functions", "submitted", "queue", "time", "delayed", "per minute", "memory", "CPU", "oldest waits",
    "failed", "process", "progress",
)  # fmt: skip
#: a column without a width has at least so many cells
LEAST, LEAST_BESIDE_IDS = 12, 9
_BAR = 6
_FULL, _PARTS = "█", " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns that are shown of a table."""

    #: place in the row -> cells
    widths: Mapping[int, int]
    columns: Sequence[Column]
    #: whether the terminal knows more than ASCII
    wide: bool = True

    def heading(self) -> Text:
        """The names of the columns."""
        cells = (self._fitted(_SHORT.get(name, name), place) for place, name in self._named())
        return Text(" ".join(cells).rstrip(), style="bold", end="")

    def line(self, row: Row, *, marked: bool = False) -> Text:
        """A row; the one with the cursor stands out."""
        found = Text(end="", style=Style(reverse=True) if marked else "")
        for number, place in enumerate(self.widths):
            found.append(" " if number else "")
            found.append_text(self._cell(row[place], place))
        if not marked:
            found.rstrip()
        return found

    def _cell(self, cell: Cell, place: int) -> Text:
        colour = "" if cell.look is None else cell.look.colour
        if cell.fraction is not None:
            bar = Text(self._bar(cell.fraction), style=colour)
            return bar.append(" " + set_cell_size(cell.text, self.widths[place] - _BAR - 1), style="default")
        glyph = "" if cell.look is None else f"{cell.look.glyph if self.wide else cell.look.ascii} "
        return Text(self._fitted(glyph + cell.text, place), style=colour)

    def _bar(self, fraction: float) -> str:
        eighths = round(min(max(fraction, 0.0), 1.0) * _BAR * 8)
        if not self.wide:
            return ("#" * (eighths // 8)).ljust(_BAR, ".")
        return (_FULL * (eighths // 8) + _PARTS[eighths % 8].strip()).ljust(_BAR, "░")

    def _fitted(self, text: str, place: int) -> str:
        width = self.widths[place]
        if cell_len(text) > width:
            more = "…" if self.wide else "~"
            return set_cell_size(set_cell_size(text, width - 1).rstrip() + more, width)
        return " " * (width - cell_len(text)) + text if self.columns[place].number else set_cell_size(text, width)

    def _named(self) -> list[tuple[int, str]]:
        return [(place, self.columns[place].name) for place in self.widths]


def grid(of: Sequence[Column], width: int, *, wide: bool = True, ids: int = 0) -> Grid:
    """The columns of a table that fit into so many cells; the first, which names the row, in any case.

    Args:
        of: all of them.
        width: of the terminal.
        wide: whether it knows more than ASCII.
        ids: cells of a first column that has ids; 0: the first column has names, and shares what is left.
    """
    names = dict(enumerate(columns.names(of)))
    width -= ids + 1 if ids else 0
    first = 1 if ids else 0
    names = {place: name for place, name in names.items() if place >= first}
    least = LEAST_BESIDE_IDS if ids else LEAST
    for spare in _SPARE:
        if _free(names, width) < least * sum(_shares(names).values()):
            names = {place: name for place, name in names.items() if place == first or name != spare}
    shares, free = _shares(names), max(_free(names, width), 4)
    each, more = divmod(free, sum(shares.values()))
    widths = {place: shares[place] * each if place in shares else _WIDTHS[name] for place, name in names.items()}
    widths[max(shares)] += more
    return Grid({0: ids, **widths} if ids else widths, of, wide)


def _shares(names: Mapping[int, str]) -> Mapping[int, int]:
    """Columns that share what is left -> their parts of it."""
    first = min(names)
    return {place: _PARTS_OF.get(name, 1) for place, name in names.items() if place == first or name not in _WIDTHS}


def _free(names: Mapping[int, str], width: int) -> int:
    """Cells that are left for these columns."""
    own = (_WIDTHS[name] for place, name in names.items() if place not in _shares(names))
    return width - sum(own) - (len(names) - 1)
