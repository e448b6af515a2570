"""What ended when, as inline SVG: what succeeded goes up from the line, what failed goes down."""

from __future__ import annotations

from html import escape

from nbqueue.board import columns
from nbqueue.board.activity import Bar, Chart
from nbqueue.display import palette
from nbqueue.display.theme import FONT, LINE, MUTED

#: units of the drawing, which is stretched to its place: of a bar, above the line, below it
WIDE, UP, DOWN = 10, 70, 30
#: pixels of the drawing
HEIGHT_PX = 84
_GAP = 2
#: a bar that stands for something can be seen
_LEAST = 1.5


def drawn(chart: Chart) -> str:
    """The chart with a legend and its scale; a sentence says the same to who cannot see it."""
    total, body = chart.total, shapes(chart)
    said = escape(columns.ended(chart))
    legend = " ".join((
        _key(palette.GREEN, "✓", f"{total.succeeded:,} succeeded"),
        _key(palette.VERMILION, "✗", f"{total.failed:,} failed"),
        _key(palette.PURPLE, "⊘", f"{total.other:,} cancelled or expired"),
    ))  # fmt: skip
    reading = "" if chart.complete else f' <span style="{MUTED}">reading the history …</span>'
    return (
        f'<div style="{FONT}"><div style="line-height:24px">{legend}{reading}</div>'
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {WIDE * len(chart.bars)} {UP + DOWN}" '
        f'preserveAspectRatio="none" style="display:block;width:100%;height:{HEIGHT_PX}px">{body}'
        f'<rect x="0" y="{UP}" width="{WIDE * len(chart.bars)}" height="1" style="fill:{LINE}"/></svg>'
        f'<div style="display:flex;justify-content:space-between;{MUTED};line-height:20px">'
        f"<span>{escape(chart.window.label)} ago</span><span>{escape(scale(chart))}</span>"
        "<span>now</span></div></div>"
    )


def shapes(chart: Chart) -> str:
    """The bars alone, as the content of an SVG."""
    top = max((bar.succeeded + bar.other for bar in chart.bars), default=0)
    deep = max((bar.failed for bar in chart.bars), default=0)
    unit = max(top / UP, deep / DOWN) or 1.0
    return "".join(_bar(place, bar, unit) for place, bar in enumerate(chart.bars))


def scale(chart: Chart) -> str:
    """How long a bar is, and what the highest stands for."""
    most = max((max(bar.succeeded + bar.other, bar.failed) for bar in chart.bars), default=0)
    width_s = chart.window.width_s
    width = f"{width_s} s" if width_s < 60 else f"{width_s // 60} min"  # noqa: PLR2004 - a minute
    return f"a bar is {width}, the highest {most:,}"


def _bar(place: int, bar: Bar, unit: float) -> str:
    if bar == Bar():
        return ""
    up, other, down = (_units(count, unit) for count in (bar.succeeded, bar.other, bar.failed))
    x, width = place * WIDE + _GAP / 2, WIDE - _GAP
    parts = (
        _rect(x, UP - up, width, up, palette.GREEN), _rect(x, UP - up - other, width, other, palette.PURPLE),
        _rect(x, UP + 1, width, down, palette.VERMILION),
    )  # fmt: skip
    told = f"{bar.succeeded:,} succeeded, {bar.failed:,} failed, {bar.other:,} cancelled or expired"
    return f"<g><title>{told}</title>{''.join(parts)}</g>"


def _units(count: int, unit: float) -> float:
    return max(count / unit, _LEAST) if count else 0.0


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    if not height:
        return ""
    return f'<rect x="{x:g}" y="{y:.1f}" width="{width:g}" height="{height:.1f}" fill="{colour}"/>'


def _key(colour: str, glyph: str, words: str) -> str:
    mark = f'<b style="color:{colour}">{glyph}</b>'
    return f'<span style="white-space:nowrap;margin-right:1em">{mark} {escape(words)}</span>'
