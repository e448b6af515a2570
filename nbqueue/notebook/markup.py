"""A card as HTML: `live` for a widget in a themed page, `static` for what is saved and opened by others."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from nbqueue.notebook import palette
from nbqueue.notebook.palette import Look
from nbqueue.notebook.view import CardView


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """What the two faces of a card differ in, as CSS."""

    font: str
    track: str
    code: str


#: the front end's theme where it tells it
_LIVE = Skin(
    font="font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "color:var(--jp-ui-font-color1,inherit)",
    track="background-color:var(--jp-border-color2,rgba(128,128,128,.3))",
    code="font-family:var(--jp-code-font-family,monospace);font-size:.92em",
)
#: plain values, as an untrusted notebook loses all others; nothing that is not right on light and dark alike
_STATIC = Skin(font="font-size:13px", track="background-color:rgba(128,128,128,.3)", code="font-size:12px")

_CARD = "line-height:1.5;padding:4px 0;max-width:56em;overflow-wrap:anywhere"
_ROW = "display:flex;gap:.7em;align-items:baseline"
_TITLE = "flex:1 1 0;width:0;font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_FIGURES = "white-space:nowrap;font-variant-numeric:tabular-nums"
_TRACK = "display:flex;height:7px;border-radius:4px;overflow:hidden;margin:3px 0"
_STRIPES = "background:repeating-linear-gradient(-45deg,{0} 0 8px,transparent 8px 16px)"
_LOG = (
    "margin:2px 0 0;padding:0;background:none;border:0;color:inherit;opacity:.75;white-space:pre-wrap;line-height:1.35"
)


def live(view: CardView) -> str:
    """The card for a widget that is redrawn: theme variables with fallbacks."""
    return _card(view, _LIVE)


def static(view: CardView) -> str:
    """The same for a saved notebook: readable too when styles, colours and attributes are stripped."""
    return _card(view, _STATIC)


def _card(view: CardView, skin: Skin) -> str:
    rows = (_head(view), _bar(view, skin), _told(view), _hint(view), _error(view), _log(view, skin))
    return f'<div class="nbqueue-card" style="{skin.font};{_CARD}">{"".join(rows)}</div>'


def _head(view: CardView) -> str:
    title = escape(view.title)
    far = f"{view.count} ({view.percent})" if view.percent else view.count
    figures = " · ".join(escape(part) for part in (far, view.elapsed, view.remaining) if part)
    # the spaces between are for where styles are stripped
    return (
        f'<div style="{_ROW}"><span style="white-space:nowrap">{_badge(view.look)}</span> '
        f'<b title="{title}" style="{_TITLE}">{title}</b> <span style="{_FIGURES}">{figures}</span></div>'
    )


def _badge(look: Look) -> str:
    return f'<span style="color:{look.colour};font-weight:bold">{look.glyph}</span> {look.word}'


def _bar(view: CardView, skin: Skin) -> str:
    now = "" if view.fraction is None else f' aria-valuenow="{view.fraction * 100:.0f}"'
    said = escape(", ".join(part for part in (view.look.word, view.count, view.message) if part))
    return (
        f'<div role="progressbar" aria-label="{escape(view.title)}" aria-valuemin="0" aria-valuemax="100"{now} '
        f'aria-valuetext="{said}" style="{_TRACK};{skin.track}">{_fill(view)}</div>'
    )


def _fill(view: CardView) -> str:
    if view.segments:
        return "".join(_part(part.share, part.look.colour) for part in view.segments if part.begun)
    if view.fraction is not None:
        return _part(view.fraction, view.look.colour)
    if view.final:
        return f'<div style="width:100%;opacity:.6;background-color:{view.look.colour}"></div>'
    if view.active:
        return f'<div style="width:100%;opacity:.6;{_STRIPES.format(view.look.colour)}"></div>'
    return ""


def _part(share: float, colour: str) -> str:
    return f'<div style="width:{share * 100:.2f}%;height:7px;background-color:{colour}"></div>'


def _told(view: CardView) -> str:
    parts = [f"{_mark(part.look)} {part.count:,} {part.look.word}" for part in view.segments]
    parts += [f"{escape(name)} <b>{escape(value)}</b>" for name, value in view.metrics]
    parts += [escape(text) for text in (view.message, *view.notes) if text]
    if not parts:
        return ""
    return "<div>" + " · ".join(f"<span>{part}</span>" for part in parts) + "</div>"


def _mark(look: Look) -> str:
    return f'<span style="color:{look.colour}">{look.glyph}</span>'


def _hint(view: CardView) -> str:
    return f"<div>{_mark(palette.HINT)} {escape(view.hint)}</div>" if view.hint else ""


def _error(view: CardView) -> str:
    return f"<div><b>{escape(view.error)}</b></div>" if view.error else ""


def _log(view: CardView, skin: Skin) -> str:
    if not view.log:
        return ""
    return f'<pre style="{_LOG};{skin.code}">' + "\n".join(escape(row) for row in view.log) + "</pre>"
