"""Widgets of the dashboard, made alike; and the one way to change them, which tells its changes from a person's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets

from nbqueue.notebook.board.grid import ROW_PX

#: whether this thread changes widgets itself: what it changes is no wish of anybody's
_drawing = threading.local()
_HEIGHT = f"{ROW_PX - 2}px"


def put(widget: Any, **traits: object) -> int:
    """Send the traits that differ; how many."""
    changed = {name: value for name, value in traits.items() if getattr(widget, name) != value}
    _drawing.now = True
    try:
        for name, value in changed.items():
            setattr(widget, name, value)
    finally:
        _drawing.now = False
    return len(changed)


def put_options(widget: Any, options: Sequence[Any], value: object) -> int:
    """Offer other options and keep what is chosen."""
    if tuple(widget.options) == tuple(options):
        return put(widget, value=value)
    _drawing.now = True
    try:
        with widget.hold_sync():
            widget.options = tuple(options)
            widget.value = value
    finally:
        _drawing.now = False
    return 1


def heard(widget: Any, act: Callable[[Any], None]) -> None:
    """Call `act(value)` when a person changes the value."""

    def changed(change: Any) -> None:
        if not getattr(_drawing, "now", False):
            act(change["new"])

    widget.observe(changed, "value")


def html(value: str = "", **layout: str) -> Any:
    """Something to read."""
    return ipywidgets.HTML(value=value, layout=ipywidgets.Layout(**{"margin": "0", **layout}))


def table(**layout: str) -> Any:
    """A table, which scrolls sideways where there is no room; where it was scrolled to is kept when it is redrawn."""
    return html(**{"overflow": "auto hidden", **layout})


def button(words: str, tooltip: str, act: Callable[[], None], **layout: str) -> Any:
    """Something to press; what it does is handed on, no widget is changed by it."""
    made = ipywidgets.Button(
        description=words, tooltip=tooltip, layout=ipywidgets.Layout(**{"width": "auto", "margin": "1px 2px", **layout})
    )
    made.on_click(lambda _: act())
    return made


def box(number: int, act: Callable[[bool], None], words: str = "") -> Any:
    """A box to tick beside a row, named by the row's number."""
    made = ipywidgets.Checkbox(
        value=False, indent=False, description=words or str(number),
        layout=ipywidgets.Layout(width="52px", height=_HEIGHT, margin="1px 0", overflow="hidden", flex="0 0 auto"),
    )  # fmt: skip
    heard(made, act)
    return made


def choice(label: str, options: Sequence[Any], value: object, act: Callable[[Any], None], width: str = "11em") -> Any:
    """One of several, with its label before it."""
    made = ipywidgets.Dropdown(
        options=tuple(options), value=value, description=label,
        layout=ipywidgets.Layout(width=width, margin="1px 8px 1px 0"), style={"description_width": "auto"},
    )  # fmt: skip
    heard(made, act)
    return made


def row(children: Iterable[Any], **layout: str) -> Any:
    """Beside one another, on several lines where there is no room."""
    given = {"flex_flow": "row wrap", "align_items": "center", "margin": "0", "width": "100%", **layout}
    return ipywidgets.HBox(children=tuple(children), layout=ipywidgets.Layout(**given))


def column(children: Iterable[Any], **layout: str) -> Any:
    """Below one another."""
    return ipywidgets.VBox(children=tuple(children), layout=ipywidgets.Layout(**{"margin": "0", **layout}))


def close(widget: Any) -> None:
    """Take a widget and all in it out of the page and the kernel."""
    for child in getattr(widget, "children", ()):
        close(child)
    widget.close()
