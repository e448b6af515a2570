"""A live card as widgets: HTML and buttons, and the end of the log, which is folded; made when it is first shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import ipywidgets

from nbqueue.display import markup
from nbqueue.display.view import CardView
from nbqueue.notebook.publish import Bundle, of_widget

#: seconds between two drawings of a log that is open, and of one that is folded
LOG_S, FOLDED_S = 0.5, 3.0
_RETRY = ("Retry", "Run it again, as a new job")


class WidgetCanvas:
    """The widgets of one card. All changes come from the ticker or from the cell that shows it, never from a click."""

    def __init__(self, on_cancel: Callable[[], None], on_retry: Callable[[], None], hides: str = "") -> None:
        """Args: what clicks do; a style for the page it is shown in."""
        self._on_cancel, self._on_retry, self._hides = on_cancel, on_retry, hides
        self._html: Any = None
        self._beside: Any = None
        self._cancel: Any = None
        self._retry: Any = None
        self._log: Any = None
        self._fold: Any = None
        self._log_due = 0.0
        #: whether a click came that no drawing has answered, and whether the last drawing answered one
        self._clicked = self._answers = False
        #: all of them; None before it is first drawn
        self.box: Any = None

    def draw(self, view: CardView) -> int:
        """Send the traits that changed; how many."""
        html = markup.live(view)
        if self.box is None or self.box.comm is None:
            # not made so far, or somebody has closed all widgets
            self._make(view, html)
        sent = _send(self._html, "value", html)
        sent += _send(self._beside, "value", markup.beside(view, self._hides))
        # the answer to a click is a round in which its button is disabled, also where nothing comes of it: that ends
        # what the page shows of a click
        self._answers, self._clicked = self._clicked, False
        sent += _send(self._cancel, "disabled", self._answers or not view.cancellable)
        sent += self._draw_log(view)
        if self._retry is not None:
            words, tooltip = _retry_words(view)
            sent += _send(self._retry, "disabled", self._answers or view.retrying)
            sent += _send(self._retry, "description", words) + _send(self._retry, "tooltip", tooltip)
        return sent + _send(self.box, "children", self._children(view))

    def mime(self) -> Bundle:
        """What a page shows where the widgets live, and nothing where they do not."""
        return of_widget(self.box)

    @property
    def is_open(self) -> bool:
        """Whether the log is unfolded."""
        return self._fold is not None and bool(self._fold.value)

    def close(self) -> None:
        """Forget all widgets."""
        mine = (self._html, self._beside, self._cancel, self._retry, self._log, self._fold)
        for widget in filter(None, (self.box, *mine)):
            # those of HTML and of the fold are made with them; that of the buttons is shared
            if widget in (self._html, self._beside, self._log, self._fold):
                widget.style.close()
            widget.close()

    def again(self) -> None:
        """Send what is seen once more, in the name of the running cell, all that such runs hear."""
        if self._html is not None:
            self._html.send_state("value")
            self._cancel.send_state("disabled")

    @property
    def is_behind(self) -> bool:
        """Whether more is known than was sent: of the log or of a click; or somebody has closed all widgets."""
        closed = self.box is not None and self.box.comm is None
        return self._log_due > 0 or self._clicked or self._answers or closed

    def _make(self, view: CardView, html: str) -> None:
        shared = _shared()
        self._retry = self._log = self._fold = None
        self._log_due = 0.0
        self._html = ipywidgets.HTML(value=html, layout=shared["html"])
        self._beside = ipywidgets.HTML(value=markup.beside(view, self._hides), layout=shared["button"])
        self._cancel = _button("Cancel", "Stop those that have not ended" if view.many else "Ask for its end")
        self._cancel.on_click(lambda _: self._click(self._on_cancel))
        self.box = ipywidgets.HBox(children=self._children(view), layout=shared["box"])
        self.box.add_class(markup.LIVE_CLASS)

    def _click(self, act: Callable[[], None]) -> None:
        self._clicked = True
        act()

    def _children(self, view: CardView) -> Sequence[Any]:
        """What is seen now: the card, its buttons beside it, the log below; the log is folded by a button before it."""
        if view.final and view.retryable and self._retry is None:
            self._retry = _button(*_retry_words(view))
            self._retry.on_click(lambda _: self._click(self._on_retry))
        acts = self._cancel if not view.final else self._retry if view.retryable else None
        found = (self._html, self._fold, acts, self._beside, self._log)
        return tuple(each for each in found if each is not None)

    def _draw_log(self, view: CardView) -> int:
        """Send the log: soon where it is open, else now and then, as a busy kernel does not hear that it was opened."""
        if not view.log and self._log is None:
            return 0
        value = markup.log(view)
        if self._log is None:
            shared = _shared()
            self._log = ipywidgets.HTML(value=value, layout=shared["log"])
            self._log.add_class(markup.LOG_CLASS)
            # the page itself shows and hides the log by the state of this button
            self._fold = ipywidgets.ToggleButton(
                description="Log", tooltip="Show or hide the log", layout=shared["button"]
            )
            self._fold.add_class(markup.FOLD_CLASS)
            return 1
        if value == self._log.value:
            self._log_due = 0.0
            return 0
        now = time.monotonic()
        self._log_due = self._log_due or now + (LOG_S if self._fold.value else FOLDED_S)
        if not view.final and now < self._log_due:
            return 0
        self._log_due = 0.0
        return _send(self._log, "value", value)


def _retry_words(view: CardView) -> tuple[str, str]:
    """What is on the button, and what it says of itself."""
    if view.retried:
        return "Show retry", "Show what was run in its place, here"
    return ("Retry failed", "Run those again that did not end well") if view.many else _RETRY


def _button(description: str, tooltip: str) -> Any:
    shared = _shared()
    made = ipywidgets.Button(description=description, tooltip=tooltip, layout=shared["button"], style=shared["style"])
    return made.add_class(markup.ACT_CLASS)


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
    """Layouts and style are the same for all cards: shared, a card is four widgets with few of their own."""
    if any(widget.comm is None for widget in _made().values()):
        _made.cache_clear()  # closed by Widget.close_all()
    return _made()


@lru_cache(maxsize=1)
def _made() -> dict[str, Any]:
    return {
        "box": ipywidgets.Layout(width="100%", max_width="62em", flex_flow="row wrap", align_items="flex-start"),
        # in a narrow page the buttons go below it
        "html": ipywidgets.Layout(flex="1 1 0", min_width="min(18em, 100%)", margin="0 4px 0 0"),
        "button": ipywidgets.Layout(flex="0 0 auto", width="auto"),
        # what is turned round stays at its end while it grows, unless somebody has scrolled up
        "log": ipywidgets.Layout(
            max_height=markup.LOG_HEIGHT,
            overflow="auto",
            display="flex",
            flex_flow="column-reverse",
            flex="1 0 100%",
            margin="2px 0 4px",
            padding="2px 6px",
            border="1px solid rgba(128,128,128,.35)",
        ),
        "style": ipywidgets.ButtonStyle(),
    }
