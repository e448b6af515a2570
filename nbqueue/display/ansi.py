"""Coloured lines of a log as HTML: what a terminal would colour is coloured, everything else is text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape

from rich.ansi import AnsiDecoder
from rich.color import Color
from rich.style import Style
from rich.text import Text

#: the sixteen colours that have a name, to be read on light and dark alike
_NAMED = (
    "#757575", "#d03c3c", "#2a8f4f", "#a87b00", "#3b74c9", "#a64ca6", "#13899a", "#8a8a8a",
    "#8a8a8a", "#e05252", "#35a35e", "#bd8c0a", "#5189d8", "#b865b8", "#2a9dae", "#9e9e9e",
)  # fmt: skip


def html(lines: tuple[str, ...]) -> str:
    """Lines as the content of a <pre>; nothing in them becomes a tag."""
    return marked(lines, _css)


def marked(lines: Sequence[str], attribute: Callable[[Style], str]) -> str:
    """The same with a look of one's own.

    Args:
        lines: as a terminal gets them.
        attribute: of a style the attribute that a tag with it has, such as `class="bold"`; or nothing.
    """
    if not any("\x1b" in line for line in lines):
        return "\n".join(map(escape, lines))
    decoder = AnsiDecoder()
    return "\n".join(_line(decoder.decode_line(line), attribute) for line in lines)


#: the same for what is drawn again and again, as the tails on cards are
cached_html = lru_cache(maxsize=512)(html)


def plain(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines without their colours."""
    return tuple(Text.from_ansi(line).plain if "\x1b" in line else line for line in lines)


def _line(text: Text, attribute: Callable[[Style], str]) -> str:
    """The decoder gives spans that follow one another."""
    found, at = [], 0
    for span in sorted(text.spans, key=lambda each: each.start):
        found.append(escape(text.plain[at : span.start]))
        inner = escape(text.plain[span.start : span.end])
        look = attribute(span.style) if isinstance(span.style, Style) else ""
        found.append(f"<span {look}>{inner}</span>" if look else inner)
        at = span.end
    return "".join([*found, escape(text.plain[at:])])


def _css(style: Style) -> str:
    colours = (("color", style.color), ("background-color", style.bgcolor))
    parts = [f"{name}:{_hex(colour)}" for name, colour in colours if colour is not None and not colour.is_default]
    wanted = (
        (style.bold, "font-weight:bold"), (style.italic, "font-style:italic"), (style.dim, "opacity:.7"),
        (style.underline, "text-decoration:underline"),
    )  # fmt: skip
    css = ";".join([*parts, *(each for is_so, each in wanted if is_so)])
    return f'style="{css}"' if css else ""


def _hex(colour: Color) -> str:
    if colour.number is not None and colour.number < len(_NAMED):
        return _NAMED[colour.number]
    return colour.get_truecolor().hex
