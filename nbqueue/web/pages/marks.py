"""Marks, bars, charts and coloured lines as HTML that needs no style of its own: what a page may only have in files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup
from rich.color import Color, ColorSystem, ColorType
from rich.style import Style

from nbqueue.board import bars, columns
from nbqueue.board.activity import Chart
from nbqueue.board.columns import Cell
from nbqueue.display import ansi, palette, plot
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView, SubBar, valuenow

#: colour -> the class that has it, on light and on dark
CLASSES = {
    palette.BLUE: "blue", palette.GREEN: "green", palette.VERMILION: "red", palette.ORANGE: "orange",
    palette.PURPLE: "purple", palette.GREY: "grey",
}  # fmt: skip
#: of a bar that is drawn
_WIDE = 100


def mark(look: Look) -> Markup:
    """The glyph of a state in its colour; whoever reads aloud reads the word beside it."""
    return Markup('<b class="mark {}" aria-hidden="true">{}</b>').format(CLASSES[look.colour], look.glyph)


def badge(look: Look) -> Markup:
    """Glyph and word."""
    return Markup('<span class="badge">{} {}</span>').format(mark(look), look.word)


def cell(found: Cell) -> Markup:
    """What stands in a cell of a table: words, with a mark before them, or a bar with words beside it."""
    if found.fraction is not None and found.look is not None:
        words = Markup('<span class="figure">{}</span>').format(found.text) if found.text else ""
        return Markup('<span class="progress">{}{}</span>').format(bar(found.fraction, found.look, found.text), words)
    if found.look is None:
        return Markup("{}").format(found.text)
    return Markup('<span class="badge">{} {}</span>').format(mark(found.look), found.text)


def bar(fraction: float | None, look: Look, said: str, name: str = "progress", *, moves: bool = False) -> Markup:
    """A bar; of one of which nobody knows how far it is, only that it moves."""
    now = Markup("") if fraction is None else Markup(' aria-valuenow="{}"').format(valuenow(fraction))
    wide = _WIDE if fraction is None else max(min(fraction, 1.0), 0.0) * _WIDE
    full = _part(0, wide, look, "moves" if fraction is None else "") if fraction is not None or moves else Markup("")
    return _bar(full, now, name, said or look.word)


def card_bar(view: CardView) -> Markup:
    """The bar of a job, or that of a group with a part for each state."""
    said = ", ".join(part for part in (view.look.word, view.count, view.message) if part)
    if not view.segments:
        unknown = view.fraction is None and (view.active or view.final)
        return bar(view.fraction, view.look, said, view.title, moves=unknown)
    parts, at = Markup(""), 0.0
    for each in view.segments:
        if each.begun:
            parts += _part(at, each.share * _WIDE, each.look)
            at += each.share * _WIDE
    now = Markup("") if view.fraction is None else Markup(' aria-valuenow="{}"').format(valuenow(view.fraction))
    return _bar(parts, now, view.title, said)


def sub_bar(part: SubBar, view: CardView) -> Markup:
    """The bar of a part of the work."""
    return bar(part.fraction, view.look, part.count, part.name, moves=view.active)


def chart(found: Chart) -> Markup:
    """What ended when; a sentence says the same to who cannot see it."""
    wide = bars.WIDE * len(found.bars)
    # every text in the shapes is made of numbers
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}'
        '<rect class="axis" x="0" y="{}" width="{}" height="1"/></svg>'
    ).format(columns.ended(found), wide, bars.UP + bars.DOWN, Markup(bars.shapes(found)), bars.UP, wide)  # noqa: S704


def pictures(view: CardView) -> list[Markup]:
    """Metrics over time, and the throughput of a group."""
    found = [*plot.traces(view.trace), *plot.throughput(view.rates)]
    # the texts in a picture were escaped where it was drawn
    return [
        Markup(
            '<svg class="plot" role="img" aria-label="{0}" width="{1}" height="{2}" viewBox="0 0 {1} {2}">{3}</svg>'
        ).format(each.about, each.width, each.height, Markup(each.content))  # noqa: S704
        for each in found
    ]


@lru_cache(maxsize=256)
def log(lines: tuple[str, ...]) -> Markup:
    """Lines with the colours that a terminal would give them, as classes; nothing in them becomes a tag."""
    return Markup(ansi.marked(lines, _classes))  # noqa: S704 - each line is escaped there


def timeline(spans: Sequence[tuple[float, float, Look]]) -> Markup:
    """Attempts beside one another, each from where to where of the whole it ran, between 0 and 1."""
    parts = Markup("").join(_part(at * _WIDE, max(length * _WIDE, 0.6), look) for at, length, look in spans)
    return Markup('<svg class="bar" aria-hidden="true" viewBox="0 0 {} 1" preserveAspectRatio="none">{}</svg>').format(
        _WIDE, parts
    )


def _part(at: float, wide: float, look: Look, also: str = "") -> Markup:
    return Markup('<rect class="{} {}" x="{}" y="0" width="{}" height="1"/>').format(
        CLASSES[look.colour], also, f"{at:.2f}", f"{wide:.2f}"
    )


def _bar(parts: Markup, now: Markup, name: str, said: str) -> Markup:
    return Markup(
        '<span class="track" role="progressbar" aria-label="{}" aria-valuemin="0" aria-valuemax="100"{} '
        'aria-valuetext="{}"><svg class="bar" aria-hidden="true" viewBox="0 0 {} 1" preserveAspectRatio="none">{}</svg>'
        "</span>"
    ).format(name, now, said, _WIDE, parts)


def _classes(style: Style) -> str:
    wanted = (
        (style.bold, "ansi-bold"), (style.italic, "ansi-italic"), (style.dim, "ansi-dim"),
        (style.underline, "ansi-underline"),
    )  # fmt: skip
    names = [name for is_so, name in wanted if is_so]
    names += [f"ansi-{number}" for number in (_number(style.color),) if number is not None]
    names += [f"ansi-on-{number}" for number in (_number(style.bgcolor),) if number is not None]
    return f'class="{" ".join(names)}"' if names else ""


def _number(colour: Color | None) -> int | None:
    """The nearest of the sixteen colours that have a name."""
    if colour is None or colour.is_default:
        return None
    if colour.type is ColorType.STANDARD:
        return colour.number
    return colour.downgrade(ColorSystem.STANDARD).number
