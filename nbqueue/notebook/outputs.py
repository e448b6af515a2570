"""Where something live is shown: in each cell the live output, and before it the one that a saved notebook keeps."""

from __future__ import annotations

import secrets
import threading
import time

from nbqueue.notebook import publish
from nbqueue.notebook.publish import NOTHING, Bundle

#: seconds between two drawings of what is saved, while something live shows the same
SAVED_S = 10.0
#: and between those in two cells: when an output changes JupyterLab soon reads all outputs of its cell again, for its
#: table of contents, and stands still where that is many cells at once
APART_S = 0.3
#: for how long a cell counts as one with outputs that are drawn, and what each such cell adds to the time between two
#: drawings of one, so that of very many none waits for ever
COUNTS_S, SHARE_S = 300.0, 1.5 * APART_S
#: cell -> when one of its outputs was drawn last; the latest at the end
_drawn: dict[object, float] = {}
_lock = threading.Lock()
_OUTPUT = ".jp-OutputArea-child"
#: hides what a page has in the place of a live output that is gone: words while it looks for it and after that, or
#: widgets that nothing moves any more, with marks of that; the saved output is seen again then. Such rules cost a page
#: much with each change in it: of those that are shown by one cell the first has them for all
LOST = (
    f"<style>.nbqueue-id{{display:none}}{_OUTPUT}:has(.nbqueue-saved)+{_OUTPUT}>.lm-Panel.jp-OutputArea-output:not(:has(*)),"
    f"{_OUTPUT}:has(.nbqueue-saved)+{_OUTPUT}:has(.jupyter-widgets-disconnected){{display:none}}"
    f"{_OUTPUT}:has(+{_OUTPUT} .jupyter-widgets-disconnected) .nbqueue-saved{{display:block!important}}</style>"
)


class Outputs:
    """The outputs of one card or dashboard, in any number of cells; to change the saved ones leaves the live alone."""

    def __init__(self) -> None:
        self._mark = f"nbqueue-saved-{secrets.token_hex(8)}"
        #: id of an output -> whether it has the rules
        self._saved: dict[str, bool] = {}
        self._live: list[str] = []
        #: live ones that were taken away, though in no cell's name so far
        self._gone: list[str] = []
        self._saved_at = 0.0
        self._cell: object = None

    @property
    def hides(self) -> str:
        """A style for the live outputs: the saved ones are not seen as long as one of these lives."""
        return f"<style>.{self._mark}{{display:none}}</style>"

    @property
    def shown(self) -> bool:
        """Whether there is one."""
        return bool(self._saved)

    @property
    def age_s(self) -> float:
        """Seconds since the saved ones were drawn."""
        return time.monotonic() - self._saved_at

    @property
    def is_due(self) -> bool:
        """Whether what is saved is old, and it is the turn of its cell."""
        if not self.shown or self.age_s < SAVED_S:
            return False
        with _lock:
            cell, at = next(reversed(_drawn.items()), (None, -APART_S))
        if time.monotonic() - at < APART_S:
            return cell == self._cell
        return self.age_s >= SHARE_S * len(_drawn)

    def show(self, picture: Bundle, live: Bundle | None = None) -> None:
        """Show both below the running cell; or the picture alone."""
        is_first = publish.is_first_of_cell()
        self._cell = publish.cell()
        self._saved[publish.publish(self._marked(picture, is_first=is_first))] = is_first
        if live is not None:
            self._live.append(publish.publish({**NOTHING, **live}))
        self._saved_at = time.monotonic()

    def save(self, picture: Bundle) -> int:
        """Draw what is saved anew; how many messages that took."""
        self._saved_at = time.monotonic()
        _note(self._cell, self._saved_at)
        for display_id, is_first in self._saved.items():
            publish.replace(self._marked(picture, is_first=is_first), display_id)
        return len(self._saved)

    def leave(self) -> int:
        """Take the live ones away; how many messages that took."""
        gone, self._live = self._live, []
        self._gone += gone
        return _take_away(gone)

    def leave_again(self) -> None:
        """The same with those that are gone already, in the name of the running cell."""
        gone, self._gone = self._gone, []
        _take_away(gone)

    def _marked(self, picture: Bundle, *, is_first: bool) -> Bundle:
        html = f'<div class="nbqueue-saved {self._mark}">{LOST if is_first else ""}{picture["text/html"]}</div>'
        return {**picture, "text/html": html}


def _note(cell: object, at: float) -> None:
    """One page shows all of them: write down that an output of a cell was drawn."""
    with _lock:
        _drawn.pop(cell, None)
        _drawn[cell] = at
        for each in [each for each, then in _drawn.items() if at - then > COUNTS_S]:
            del _drawn[each]


def _take_away(display_ids: list[str]) -> int:
    for display_id in display_ids:
        publish.replace(NOTHING, display_id)
    return len(display_ids)
