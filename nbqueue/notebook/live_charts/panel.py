"""The widgets of one live chart: a line of words, a button that ends it, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets

from nbqueue.display import theme
from nbqueue.notebook.board.parts import Kit, put
from nbqueue.notebook.publish import Bundle, of_widget


class Panel:
    """All changes come from the ticker or from the cell that shows it, never from a click."""

    def __init__(self, on_close: Callable[[], None], width_px: int) -> None:
        self._kit = kit = Kit()
        self._words = kit.html(flex="1 1 0", min_width="0")
        self._image = kit.keep(ipywidgets.Image(
            format="png", layout=ipywidgets.Layout(
                width=f"{width_px}px", max_width="100%", height="auto", display="none",
            ),
        ))  # fmt: skip
        close = kit.button("Close", "Read the history no more, and leave the picture as it is", on_close)
        head = kit.row((self._words, close), flex_flow="row", align_items="center")
        self._root = kit.column((head, self._image), width="100%", max_width=f"{width_px}px")

    def draw(self, words: str, style: str, png: bytes) -> int:
        """Send what differs; how many messages that took."""
        told = f'{style}<div style="{theme.FONT}">{escape(words)}</div>'
        # a page shows an image of nothing as one that is broken
        shown = put(self._image.layout, display=None if png else "none")
        return put(self._words, value=told) + put(self._image, value=png) + shown

    def mime(self) -> Bundle:
        """What a page shows where the widgets live, and nothing where they do not."""
        return of_widget(self._root)

    @property
    def is_closed(self) -> bool:
        """Whether somebody has closed the widgets."""
        return self._root.comm is None

    def close(self) -> None:
        """Show nothing any more."""
        self._kit.close()
