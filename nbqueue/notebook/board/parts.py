"""Widgets of the dashboard, made alike; and the one way to change them, which tells its changes from a person's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Generic, TypeVar

import ipywidgets

from nbqueue.notebook.board import focus
from nbqueue.notebook.board.grid import PRESS_CLASS, ROW_PX, TICK_CLASS

#: whether this thread changes widgets itself: what it changes is no wish of anybody's
_drawing = threading.local()
_HEIGHT = f"{ROW_PX - 2}px"

Name = TypeVar("Name", bound=Hashable)


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


class Kit:
    """Makes the widgets of one dashboard, and knows them all, so that none is left of them when it ends."""

    def __init__(self) -> None:
        self._made: dict[Any, None] = {}
        #: presses of buttons that were heard of
        self.presses = 0
        self._numbers = count()
        # of rows there are many: one layout and one style for all
        self._row_layout = self.keep(ipywidgets.Layout(
            width="24px", height=_HEIGHT, margin="1px 0", overflow="hidden", flex="0 0 auto"
        ))  # fmt: skip
        self._row_style = self.keep(ipywidgets.widgets.widget_bool.CheckboxStyle())

    def keep(self, widget: Any) -> Any:
        """One that was made elsewhere goes with the others."""
        self._made[widget] = None
        return widget

    def html(self, value: str = "", **layout: str) -> Any:
        """Something to read."""
        return self.keep(ipywidgets.HTML(value=value, layout=ipywidgets.Layout(**{"margin": "0", **layout})))

    def table(self, **layout: str) -> Any:
        """A table, which scrolls sideways where there is no room; redrawn, it stays where it was scrolled to."""
        return self.html(**{"overflow": "auto hidden", **layout})

    def button(self, words: str, tooltip: str, act: Callable[[], None], **layout: str) -> Any:
        """Something to press; what it does is handed on, no widget is changed by it."""
        given = {"width": "auto", "margin": "1px 2px", **layout}
        made = self.keep(ipywidgets.Button(
            description=words, tooltip=tooltip, layout=ipywidgets.Layout(**given),
            _dom_classes=(PRESS_CLASS, self._own_class()),
        ))  # fmt: skip

        def pressed(_: object) -> None:
            self.presses += 1
            act()

        made.on_click(pressed)
        return made

    def box(self, words: str, act: Callable[[bool], None]) -> Any:
        """A box to tick beside a row; its words are only read to who cannot see the row."""
        made = self.keep(ipywidgets.Checkbox(
            value=False, indent=False, description=words, layout=self._row_layout, style=self._row_style,
            _dom_classes=(TICK_CLASS, self._own_class()),
        ))  # fmt: skip
        heard(made, act)
        return made

    def labelled_box(self, words: str, act: Callable[[bool], None], *, on: bool = False, disabled: bool = False) -> Any:
        """A box to tick with its words beside it."""
        made = self.keep(ipywidgets.Checkbox(
            value=on, indent=False, description=words, disabled=disabled,
            layout=ipywidgets.Layout(width="auto", height=_HEIGHT, margin="1px 12px 1px 4px", flex="0 0 auto"),
        ))  # fmt: skip
        heard(made, act)
        return made

    def choice(
        self, label: str, options: Sequence[Any], value: object, act: Callable[[Any], None], width: str = "11em"
    ) -> Any:
        """One of several, with its label before it."""
        made = self.keep(ipywidgets.Dropdown(
            options=tuple(options), value=value, description=label,
            layout=ipywidgets.Layout(width=width, margin="1px 8px 1px 0"), style={"description_width": "auto"},
        ))  # fmt: skip
        heard(made, act)
        return made

    def row(self, children: Iterable[Any], **layout: str) -> Any:
        """Beside one another, on several lines where there is no room."""
        given = {"flex_flow": "row wrap", "align_items": "center", "margin": "0", "width": "100%", **layout}
        return self.keep(ipywidgets.HBox(children=tuple(children), layout=ipywidgets.Layout(**given)))

    def column(self, children: Iterable[Any], **layout: str) -> Any:
        """Below one another."""
        given = {"margin": "0", **layout}
        return self.keep(ipywidgets.VBox(children=tuple(children), layout=ipywidgets.Layout(**given)))

    def _own_class(self) -> str:
        return f"{focus.OF}{next(self._numbers)}"

    def drop(self, widget: Any) -> None:
        """Take one out of the page and the kernel."""
        self._made.pop(widget, None)
        for own in (getattr(widget, "layout", None), getattr(widget, "style", None)):
            if own is not None and own not in self._made:
                own.close()
        widget.close()

    def close(self, *, but: Iterable[Any] = ()) -> None:
        """Take all out but some."""
        left = set(but)
        for widget in [each for each in self._made if each not in left]:
            self.drop(widget)


class Stock(Generic[Name]):
    """Widgets that each stand for one thing as long as they live: what a person does to one is meant for that thing.

    Rows move meanwhile, and a busy kernel hears of a click long after it; so a widget is never used for another thing,
    and one that is shown no more still hears, until as many others as `spare` have gone after it.
    """

    def __init__(self, kit: Kit, make: Callable[[Name], Any], spare: int) -> None:
        self._kit, self._make, self._spare = kit, make, spare
        self._known: dict[Name, Any] = {}

    def take(self, names: Iterable[Name]) -> tuple[Mapping[Name, Any], int]:
        """The widgets of these, in this order; and how many messages it took to make those that are new."""
        wanted = tuple(names)
        new = [name for name in wanted if name not in self._known]
        taken = {name: self._known.pop(name, None) or self._make(name) for name in wanted}
        self._known.update(taken)
        for name in list(self._known)[: max(len(self._known) - len(wanted) - self._spare, 0)]:
            self._kit.drop(self._known.pop(name))
        return taken, len(new)
