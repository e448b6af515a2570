"""A card as HTML: `live` for a widget in a themed page, `static` for what is saved and opened by others."""

from __future__ import annotations

from html import escape

from nbqueue.notebook.palette import Look
from nbqueue.notebook.view import CardView

#: the front end's theme where it tells it, else what surrounds the card
_CARD = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);line-height:1.5;"
    "color:var(--jp-ui-font-color1,inherit);padding:4px 0;overflow-wrap:anywhere"
)
_ROW = "display:flex;gap:.7em;align-items:baseline"
_CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_FIGURES = "white-space:nowrap;font-variant-numeric:tabular-nums"
_TRACK = (
    "display:flex;height:7px;border-radius:4px;overflow:hidden;margin:3px 0;"
    "background:var(--jp-border-color2,rgba(128,128,128,.3))"
)
_STRIPES = "repeating-linear-gradient(-45deg,{0} 0 8px,transparent 8px 16px)"
_STATIC = "font-size:13px;line-height:1.5;padding:4px 0"
_STATIC_BAR = "width:10em;height:.8em;vertical-align:baseline"
_LOG = (
    "margin:2px 0 0;padding:0;background:none;border:0;color:inherit;opacity:.75;white-space:pre-wrap;"
    "font-family:var(--jp-code-font-family,monospace);font-size:.92em;line-height:1.35"
)


def live(view: CardView) -> str:
    """The card for a widget that is redrawn: theme variables with fallbacks, a bar that is read aloud."""
    rows = [_head(view), _bar(view), _told(view), _error(view), _log(view, _LOG)]
    return f'<div class="nbqueue-card" style="{_CARD}">{"".join(rows)}</div>'


def static(view: CardView) -> str:
    """The card for a saved notebook: it stays readable when styles, colours and attributes are stripped."""
    figures = " · ".join(escape(part) for part in (view.count, view.elapsed) if part)
    first = [_badge(view.look), f"<b>{escape(view.title)}</b>", _static_bar(view), figures]
    row = " &nbsp;".join(part for part in first if part)
    return f'<div style="{_STATIC}"><div>{row}</div>{_told(view)}{_error(view)}{_static_log(view)}</div>'


def _static_bar(view: CardView) -> str:
    """Nothing for what is done: its state says it."""
    if not view.percent or view.look.word == "succeeded":
        return ""
    return f'<progress value="{view.fraction:.4g}" max="1" style="{_STATIC_BAR}">{view.percent}</progress>'


def _head(view: CardView) -> str:
    title = escape(view.title)
    figures = " · ".join(escape(part) for part in (view.count, view.elapsed) if part)
    return (
        f'<div style="{_ROW}"><span style="white-space:nowrap">{_badge(view.look)}</span>'
        f'<span title="{title}" style="flex:1 1 0;width:0;font-weight:600;{_CUT}">{title}</span>'
        f'<span style="{_FIGURES}">{figures}</span></div>'
    )


def _badge(look: Look) -> str:
    return f'<span style="color:{look.colour};font-weight:bold">{look.glyph}</span> {look.word}'


def _bar(view: CardView) -> str:
    now = "" if view.fraction is None else f' aria-valuenow="{view.fraction * 100:.0f}"'
    said = escape(", ".join(part for part in (view.look.word, view.count, view.message) if part))
    return (
        f'<div role="progressbar" aria-label="{escape(view.title)}" aria-valuemin="0" aria-valuemax="100"{now} '
        f'aria-valuetext="{said}" style="{_TRACK}">{_fill(view)}</div>'
    )


def _fill(view: CardView) -> str:
    if view.segments:
        return "".join(_part(part.share, part.look.colour) for part in view.segments if part.begun)
    if view.fraction is not None:
        return _part(view.fraction, view.look.colour)
    if view.active or view.final:
        drawn = view.look.colour if view.final else _STRIPES.format(view.look.colour)
        return f'<div style="width:100%;opacity:.6;background:{drawn}"></div>'
    return ""


def _part(share: float, colour: str) -> str:
    return f'<div style="width:{share * 100:.2f}%;background:{colour}"></div>'


def _told(view: CardView) -> str:
    parts = [f"{_mark(part.look)} {part.count:,} {part.look.word}" for part in view.segments]
    parts += [f"{escape(name)} <b>{escape(value)}</b>" for name, value in view.metrics]
    parts += [escape(text) for text in (view.message, *view.notes) if text]
    if not parts:
        return ""
    return "<div>" + " · ".join(f"<span>{part}</span>" for part in parts) + "</div>"


def _mark(look: Look) -> str:
    return f'<span style="color:{look.colour}">{look.glyph}</span>'


def _error(view: CardView) -> str:
    return f"<div><b>{escape(view.error)}</b></div>" if view.error else ""


def _log(view: CardView, style: str) -> str:
    if not view.log:
        return ""
    return f'<pre style="{style}">' + "\n".join(escape(row) for row in view.log) + "</pre>"


def _static_log(view: CardView) -> str:
    if not view.final or not view.log:
        return _log(view, "margin:0")
    return f"<details><summary>last lines of its log</summary>{_log(view, 'margin:0')}</details>"
