"""Cards as rows of a terminal: pure text with styles, as wide and as high as the terminal is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from nbqueue.display import text
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView

#: columns of the state: glyph, space, the longest word
BADGE = 12
LEAST_TITLE, MOST_TITLE = 8, 32
MOST_FIGURES = 44
LEAST_BAR, MOST_BAR = 8, 40

_DIM = "bright_black"


def screen(views: list[CardView], width: int, height: int, *, ascii_only: bool = False) -> Iterator[Text]:
    """All cards, those that move first where there is no room for all, and the rest as one line of numbers."""
    detailed = sum(_height(view) for view in views) <= height
    chosen, left = _chosen(views, height, detailed=detailed)
    title, figures = _columns(chosen, width)
    for view in chosen:
        yield _first(view, width, title, figures, ascii_only=ascii_only)
        if detailed and text.details(view):
            yield _second(view, width, ascii_only=ascii_only)
    if left:
        yield _rest(left, ascii_only=ascii_only)


def _height(view: CardView) -> int:
    return 2 if text.details(view) else 1


def _chosen(views: list[CardView], height: int, *, detailed: bool) -> tuple[list[CardView], list[CardView]]:
    if detailed or len(views) <= height:
        return views, []
    moving = sorted(range(len(views)), key=lambda index: (not views[index].active, views[index].final, index))
    kept = set(moving[: max(height - 1, 0)])
    return [view for index, view in enumerate(views) if index in kept], [
        view for index, view in enumerate(views) if index not in kept
    ]


def _columns(views: list[CardView], width: int) -> tuple[int, int]:
    """Widths of the title and of the figures, the same for all rows so that bars stand under one another."""
    figures = min(max((cell_len(text.figures(view)) for view in views), default=0), MOST_FIGURES)
    longest = max((cell_len(view.title) for view in views), default=0)
    room = width - BADGE - figures - LEAST_BAR - 4
    return max(min(longest, MOST_TITLE, room), min(LEAST_TITLE, longest)), figures


def _first(view: CardView, width: int, title: int, figures: int, *, ascii_only: bool) -> Text:
    bar = max(min(width - BADGE - title - figures - 4, MOST_BAR), 0)
    found = Text(no_wrap=True, overflow="crop")
    found.append_text(_badge(view.look, ascii_only=ascii_only))
    found.append(_plain(_cell(view.title, title), ascii_only=ascii_only) + " ", style="bold")
    found.append_text(_bar(view, bar, ascii_only=ascii_only))
    found.append(" " + _plain(set_cell_size(text.figures(view), figures), ascii_only=ascii_only))
    return found


def _second(view: CardView, width: int, *, ascii_only: bool) -> Text:
    shown = _cell(text.details(view), max(width - BADGE - 1, 1)).rstrip()
    return Text(" " * BADGE + _plain(shown, ascii_only=ascii_only), style=_DIM, no_wrap=True, overflow="crop")


def _rest(views: list[CardView], *, ascii_only: bool) -> Text:
    counts = Counter(view.look for view in views)
    found = Text(f"and {len(views):,} more: ", style=_DIM, no_wrap=True, overflow="ellipsis")
    for index, (look, number) in enumerate(counts.most_common()):
        found.append(", " if index else "")
        found.append(look.ascii if ascii_only else look.glyph, style=look.colour)
        found.append(f" {number:,} {look.word}")
    return found


def _badge(look: Look, *, ascii_only: bool) -> Text:
    found = Text()
    found.append(look.ascii if ascii_only else look.glyph, style=f"bold {look.colour}")
    found.append(" " + look.word.ljust(BADGE - 2))
    return found


def _bar(view: CardView, width: int, *, ascii_only: bool) -> Text:
    full, empty = ("=", "-") if ascii_only else ("━", "─")
    found = Text()
    for share, colour in _parts(view):
        found.append(full * (round(share * width) - len(found.plain)), style=colour)
    if not found.plain and view.active and view.fraction is None:
        found.append((full + " ") * (width // 2) + full * (width % 2), style=view.look.colour)
    found.append(empty * (width - len(found.plain)), style=_DIM)
    return found


def _parts(view: CardView) -> Iterator[tuple[float, str]]:
    """Where each part of the bar ends, as a share of the whole, with its colour."""
    if not view.segments:
        yield view.fraction or 0.0, view.look.colour
        return
    end = 0.0
    for part in view.segments:
        if part.begun:
            end += part.share
            yield min(end, 1.0), part.look.colour


def _cell(value: str, width: int) -> str:
    """Exactly `width` columns: padded, or cut with an ellipsis."""
    if cell_len(value) <= width:
        return set_cell_size(value, width)
    return set_cell_size(value, max(width - 1, 0)) + "…"


def _plain(value: str, *, ascii_only: bool) -> str:
    return value.encode("ascii", "replace").decode() if ascii_only else value
