"""A live card as widgets: one HBox of an HTML and a Cancel button, made when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import ipywidgets

from nbqueue.notebook import markup
from nbqueue.notebook.publish import Bundle
from nbqueue.notebook.view import CardView

_VIEW = "application/vnd.jupyter.widget-view+json"


class WidgetCanvas:
    """The widgets of one card. All changes come from the ticker or from the cell that shows it, never from a click."""

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        self._on_cancel = on_cancel
        self._html: Any = None
        self._button: Any = None
        self._box: Any = None

    def draw(self, view: CardView) -> int:
        """Send the traits that changed; how many."""
        html = markup.live(view)
        if self._box is None:
            self._make(html)
        sent = _send(self._html, "value", html)
        sent += _send(self._button, "disabled", not view.cancellable)
        return sent + _send(self._box, "children", (self._html,) if view.final else (self._html, self._button))

    def mime(self) -> Bundle:
        """The reference by which a page finds the widgets."""
        found: dict[str, Any] = self._box._repr_mimebundle_()
        return {_VIEW: found[_VIEW]}

    def close(self) -> None:
        """Close the widgets."""
        for widget in () if self._box is None else (self._box, self._button, self._html.style, self._html):
            widget.close()

    def _make(self, html: str) -> None:
        shared = _shared()
        self._html = ipywidgets.HTML(value=html, layout=shared["html"])
        self._button = ipywidgets.Button(
            description="Cancel", tooltip="Ask for its end", layout=shared["button"], style=shared["style"]
        )
        self._button.on_click(lambda _: self._on_cancel())
        self._box = ipywidgets.HBox(children=(self._html, self._button), layout=shared["box"])


def close_shared() -> None:
    """Close what all cards share; the next card makes it anew."""
    if _made.cache_info().currsize:
        for widget in _made().values():
            widget.close()
        _made.cache_clear()


def _send(widget: Any, trait: str, value: object) -> int:
    if getattr(widget, trait) == value:
        return 0
    setattr(widget, trait, value)
    return 1


def _shared() -> dict[str, Any]:
    """Layouts and style are the same for all cards: shared, a card is three widgets instead of eight."""
    if any(widget.comm is None for widget in _made().values()):
        _made.cache_clear()  # closed by Widget.close_all()
    return _made()


@lru_cache(maxsize=1)
def _made() -> dict[str, Any]:
    return {
        "box": ipywidgets.Layout(width="100%", max_width="56em", align_items="flex-start"),
        "html": ipywidgets.Layout(flex="1 1 auto", min_width="0", margin="0 4px 0 0"),
        "button": ipywidgets.Layout(flex="0 0 auto", width="auto"),
        "style": ipywidgets.ButtonStyle(),
    }
