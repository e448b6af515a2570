"""Where this process can show something, and the one place that sends display messages to a front end."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

Bundle = Mapping[str, Any]

#: names a widget of the page
VIEW = "application/vnd.jupyter.widget-view+json"
#: an output that takes no room
NOTHING: Bundle = {"text/html": "", "text/plain": ""}


class Place(Enum):
    """What can be shown here."""

    #: a notebook's kernel with ipywidgets
    WIDGETS = "widgets"
    #: a notebook's kernel without them (or NBQUEUE_WIDGETS=0): HTML that is replaced
    HTML = "html"
    #: a notebook run by a program (NBQUEUE_NONINTERACTIVE=1): the end only
    FINAL_HTML = "final html"
    #: a script, a console or IPython in a terminal
    TERMINAL = "terminal"
    #: the same with NBQUEUE_NONINTERACTIVE=1: the end only
    FINAL_LINE = "final line"


def place(environ: Mapping[str, str] = os.environ) -> Place:
    """What can be shown here and now."""
    quiet = is_quiet(environ)
    if not in_kernel():
        return Place.FINAL_LINE if quiet else Place.TERMINAL
    if quiet:
        return Place.FINAL_HTML
    if environ.get("NBQUEUE_WIDGETS") == "0" or importlib.util.find_spec("ipywidgets") is None:
        return Place.HTML
    return Place.WIDGETS


def is_quiet(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether only ends are wanted."""
    return environ.get("NBQUEUE_NONINTERACTIVE", "") not in {"", "0"}


def in_kernel() -> bool:
    """Whether this is a notebook's kernel."""
    return getattr(shell(), "kernel", None) is not None


def shell() -> Any:
    """The IPython shell of this process, or None; IPython is not imported for that."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def cell() -> object:
    """Tells the running cell from others; None outside of a notebook."""
    return getattr(shell(), "execution_count", None)


_shown_in: list[object] = []


def is_first_of_cell() -> bool:
    """Whether this was not asked before while this cell runs."""
    count = cell()
    if [count] == _shown_in:
        return False
    _shown_in[:] = [] if count is None else [count]
    return True


def publish(bundle: Bundle) -> str:
    """Show a bundle below the running cell; the id to replace it by."""
    display_id = secrets.token_hex(8)
    _display(bundle, display_id, update=False)
    return display_id


def replace(bundle: Bundle, display_id: str) -> None:
    """Show a bundle instead of what was published under this id, wherever that is."""
    _display(bundle, display_id, update=True)


def of_widget(widget: Any) -> Bundle:
    """What a page shows where widgets live, and nothing where they do not."""
    return {VIEW: widget._repr_mimebundle_()[VIEW]}


def _display(bundle: Bundle, display_id: str, *, update: bool) -> None:
    from IPython.display import display  # heavy, and only there in a notebook

    display(dict(bundle), raw=True, display_id=display_id, update=update)
