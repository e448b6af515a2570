"""A card as HTML: `live` for a widget in a themed page, `static` for what is saved and opened by others."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from nbqueue.display import ansi, palette, plot, theme
from nbqueue.display.palette import Look
from nbqueue.display.view import CardView, SubBar, valuenow


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """What the two faces of a card differ in, as CSS."""

    font: str
    track: str
    code: str
    #: whether the log has a place of its own beside the card, and pictures are drawn
    is_live: bool


#: the front end's theme where it tells it
_LIVE = Skin(
    font=theme.FONT,
    track=f"background-color:{theme.TRACK}",
    code="font-family:var(--jp-code-font-family,monospace);font-size:.92em",
    is_live=True,
)
#: plain values, as an untrusted notebook loses all others; nothing that is not right on light and dark alike
_STATIC = Skin(
    font="font-size:13px",
    track="background-color:rgba(128,128,128,.3)",
    code="font-family:monospace;font-size:12px",
    is_live=False,
)

#: of a log that is unfolded, at most
LOG_HEIGHT = "18em"
_CARD = "line-height:1.5;padding:4px 0;max-width:56em;overflow-wrap:anywhere"
_ROW = "display:flex;gap:.7em;align-items:baseline"
_TITLE = "flex:1 1 0;width:0;font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_FIGURES = "white-space:nowrap;font-variant-numeric:tabular-nums"
_TRACK = "display:flex;height:7px;border-radius:4px;overflow:hidden;margin:3px 0"
_STRIPES = "background:repeating-linear-gradient(-45deg,{0} 0 8px,transparent 8px 16px)"
_LOG = "margin:2px 0 0;padding:0;background:none;border:0;color:inherit;white-space:pre-wrap;line-height:1.35"
_SCROLLED = f"max-height:{LOG_HEIGHT};overflow:auto;display:flex;flex-flow:column-reverse"
_LAST = "width:0;min-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;opacity:.75"
_PART = "display:flex;gap:.7em;align-items:center;font-size:.92em"
_PART_NAME = "flex:0 1 12em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
#: a live card, its buttons that ask the kernel, what folds its log, and the log
LIVE_CLASS, ACT_CLASS, FOLD_CLASS, LOG_CLASS = "nbqueue-live", "nbqueue-act", "nbqueue-fold", "nbqueue-log"
_FOLDED = f".{FOLD_CLASS}:not(.mod-active)~.{LOG_CLASS}{{display:none!important}}"
#: a page spends next to nothing on cards that are scrolled out of sight, and remembers how high they are
_UNSEEN = f".{LIVE_CLASS}{{content-visibility:auto;contain-intrinsic-size:auto 5em}}"
#: a button that was clicked has stripes from then on, as taking them away is put off; the answer of the kernel is to
#: disable it, which takes them away at once. So the page itself says that a click is under way while no one hears it
_ASKED = (
    f".{ACT_CLASS}.jupyter-button{{background-image:repeating-linear-gradient(-45deg,rgba(128,128,128,.4) 0 4px,"
    "transparent 4px 8px);background-repeat:no-repeat;background-size:0 0;transition:background-size 0s 86400s}"
    f".{ACT_CLASS}.jupyter-button:active{{background-size:100% 100%;transition:none}}"
    f".{ACT_CLASS}.jupyter-button:disabled{{background-size:0 0;transition:none}}"
)
#: copies the id where the browser lets it, and says so for a moment
_COPIES = (
    "const b=this,id=b.dataset.id,said=t=>{b.type='button';b.value=t;setTimeout(()=>{b.value='Copy id'},1500)},"
    # pages that came without TLS have no clipboard, and must select what they copy
    "old=()=>{b.type='text';b.value=id;b.select();said(document.execCommand('copy')?'Copied':id)};"
    "navigator.clipboard?navigator.clipboard.writeText(id).then(()=>said('Copied'),old):old()"
)


def live(view: CardView) -> str:
    """The card for a widget that is redrawn: theme variables with fallbacks."""
    return _card(view, _LIVE)


def static(view: CardView, *, is_open: bool = False) -> str:
    """The same for a saved notebook: readable too when styles, colours and attributes are stripped."""
    return _card(view, _STATIC, is_open=is_open)


def saved(view: CardView, *, is_open: bool = False) -> str:
    """A static card with a button beside it.

    The id is text where styles are cleaned away (`outputs.LOST`), as the button then is too.
    """
    named = f'<span class="nbqueue-id">{"group" if view.many else "job"} {escape(view.id)}</span>' if view.id else ""
    below = f"<div><small>{named}</small></div>"
    card = f'<div style="flex:1 1 auto;min-width:0;max-width:56em">{static(view, is_open=is_open)}{below}</div>'
    return f'<div style="display:flex">{card}{f"<div>{_copy(view)}</div>" if view.id else ""}</div>'


def beside(view: CardView, hides: str = "") -> str:
    """What stands beside a live card: a button that copies the id, and the styles, `hides` being one for the page."""
    return f"{hides}<style>{_FOLDED}{_UNSEEN}{_ASKED}</style>{_copy(view)}"


def _copy(view: CardView) -> str:
    """A button of which nothing is left where it is cleaned away."""
    title = f"Copy the id of this {'group' if view.many else 'job'}: {escape(view.id)}"
    return (
        f'<input type="button" class="jupyter-widgets jupyter-button" value="Copy id" data-id="{escape(view.id)}" '
        f'title="{title}" style="width:auto;margin:0" onclick="{escape(_COPIES)}">'
    )


def log(view: CardView) -> str:
    """The end of the log for a live card."""
    return f'<pre style="{_LOG};{_LIVE.code}">{ansi.cached_html(view.log)}</pre>'


def _card(view: CardView, skin: Skin, *, is_open: bool = False) -> str:
    rows = (
        _head(view), _bar(view, skin), *(_sub_bar(bar, view, skin) for bar in view.bars), _told(view), _hint(view),
        _error(view), _failures(view), _traceback(view, skin), _pictures(view, skin),
        _log(view, skin, is_open=is_open),
    )  # fmt: skip
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
    now = "" if view.fraction is None else f' aria-valuenow="{valuenow(view.fraction)}"'
    said = escape(", ".join(part for part in (view.look.word, view.count, view.message) if part))
    return (
        f'<div role="progressbar" aria-label="{escape(view.title)}" aria-valuemin="0" aria-valuemax="100"{now} '
        f'aria-valuetext="{said}" style="{_TRACK};{skin.track}">{_fill(view)}</div>'
    )


def _sub_bar(bar: SubBar, view: CardView, skin: Skin) -> str:
    now = "" if bar.fraction is None else f' aria-valuenow="{valuenow(bar.fraction)}"'
    name, count = escape(bar.name), escape(bar.count)
    said = f'aria-label="{name}" aria-valuemin="0" aria-valuemax="100"{now} aria-valuetext="{count}"'
    return (
        f'<div style="{_PART}"><span title="{name}" style="{_PART_NAME}">{name}</span> '
        f'<div role="progressbar" {said} style="flex:1;{_TRACK};{skin.track};height:5px">'
        f"{_sub_fill(bar, view)}</div> "
        f'<span style="{_FIGURES}">{count}</span></div>'
    )


def _fill(view: CardView) -> str:
    if view.segments:
        return "".join(_part(part.share, part.look.colour) for part in view.segments if part.begun)
    if view.fraction is not None:
        return _part(view.fraction, view.look.colour)
    if view.final:
        return f'<div style="width:100%;opacity:.6;background-color:{view.look.colour}"></div>'
    if view.active:
        return _moving(view.look.colour)
    return ""


def _sub_fill(bar: SubBar, view: CardView) -> str:
    if bar.fraction is not None:
        return _part(bar.fraction, view.look.colour)
    return _moving(view.look.colour) if view.active else ""


def _moving(colour: str) -> str:
    """Of a bar of which nobody knows how far it is."""
    return f'<div style="width:100%;opacity:.6;{_STRIPES.format(colour)}"></div>'


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


def _pictures(view: CardView, skin: Skin) -> str:
    """As images where they are saved: of those nothing is left where they are cleaned away."""
    found = [*plot.traces(view.trace), *plot.throughput(view.rates)]
    return "".join(each.inline if skin.is_live else each.image for each in found)


def _failures(view: CardView) -> str:
    """The jobs of a group that did not end well: how many by which error, the first of them, how to see them all."""
    if not view.failures:
        return ""
    counts = ", ".join(f"<b>{count:,}</b> {escape(name)}" for name, count in view.errors)
    rows = "".join(
        f"<div>{_mark(each.look)} {each.look.word} <code>[{each.place}]</code> "
        f"{f'<code>{escape(each.called_with)}</code> ' if each.called_with else ''}{escape(each.error)}</div>"
        for each in view.failures
    )
    more = f"and {view.more_failures:,} more: " if view.more_failures else ""
    first = f"<code>await group[{view.failures[0].place}]</code>"
    told = f"{more}<code>await group.frame()</code> has all, {first} a traceback"
    return f'<div style="font-size:.92em"><div>{counts}</div>{rows}<div>{told}</div></div>'


def _traceback(view: CardView, skin: Skin) -> str:
    if not view.traceback:
        return ""
    rows = "\n".join(map(escape, view.traceback))
    return f'<details><summary>Traceback on the worker</summary><pre style="{_LOG};{skin.code}">{rows}</pre></details>'


def _log(view: CardView, skin: Skin, *, is_open: bool) -> str:
    """All of it, folded; or its last line, where the rest has a place of its own."""
    if not view.log:
        return ""
    if skin.is_live:
        return f'<div style="{_LAST};{skin.code}">{escape(ansi.plain(view.log[-1:])[0])}</div>'
    about = f"Log, last {len(view.log)} line{'s' if len(view.log) > 1 else ''}"
    # turned round it stays at its end, as the live one does
    shown = f'<div style="{_SCROLLED}"><pre style="{_LOG};{skin.code}">{ansi.cached_html(view.log)}</pre></div>'
    return f"<details{' open' if is_open else ''}><summary>{about}</summary>{shown}</details>"
