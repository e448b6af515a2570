"""The card of a job or a group in a notebook: drawn when its facts change, published again at its end."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from nbqueue.notebook import markup, palette, publish, text
from nbqueue.notebook.publish import Bundle
from nbqueue.notebook.sources import COMPLETE_S, Source, wait_for_end
from nbqueue.notebook.view import CardView

#: failures in a row after which a card is left as it is
PATIENCE = 10

_log = logging.getLogger(__name__)


class Canvas(Protocol):
    """What a card is drawn on while it lives."""

    def draw(self, view: CardView) -> int:
        """Draw what differs from before; how many messages that took."""
        ...

    def mime(self) -> Bundle:
        """What to add to the published bundle so that it shows the live card."""
        ...


class Card:
    """One job or group on a canvas, in any number of cells. Whatever fails here never touches the job."""

    def __init__(self, source: Source, canvas: Canvas | None) -> None:
        self._source = source
        self._canvas = canvas
        self._lock = threading.RLock()
        self._display_ids: list[str] = []
        self._view: CardView | None = None
        self._drawn: tuple[object, int] | None = None
        self._complete = False
        self._final_since: float | None = None
        self._failures = 0
        self._warned = False
        #: what was published in the name of a cell that ran at that moment
        self._kept: CardView | None = None
        #: whether its last state was sent
        self.over = False

    def show(self) -> None:
        """Show the card below the running cell."""
        with self._lock:
            self.redraw()
            self._display_ids.append(publish.publish(self._bundle()))

    def redraw(self) -> int:
        """Send what changed since the last time; how many messages that took."""
        with self._lock:
            if self.over:
                return 0
            try:
                return self._redraw()
            except Exception as error:  # noqa: BLE001 - whatever it is, a card never touches its job
                return self._fail(error)

    def settle(self) -> None:
        """Publish the end in the name of the cell that waited for it: a run without a page keeps no other."""
        wait_for_end(self._source)
        with self._lock:
            self.redraw()
            if self._display_ids:
                self._replace()
            else:
                self.show()

    def stop(self) -> None:
        """Leave it as it is."""
        with self._lock:
            self.over = True
            self._source.close()

    def keep(self) -> bool:
        """Publish how it stands in the name of the cell that ran, unless one did so before; whether it was needed."""
        with self._lock:
            self.redraw()
            if self._view == self._kept or not self._display_ids:
                return False
            self._kept = self._view
            self._replace()
            return True

    def _redraw(self) -> int:
        now = datetime.now(UTC)
        # besides the facts only the seconds move
        facts = (self._source.facts(), int(now.timestamp()))
        if facts == self._drawn:
            return 0
        complete = self._source.complete
        # once the end is complete, one more round: its last lines of log may be on their way
        self._drawn = facts if complete is self._complete else None
        self._complete, again = complete, self._complete
        view = self._source.view(now)
        sent = 0 if view == self._view else self._draw(view)
        self._failures = 0
        if view.final and ((complete and again) or self._waited_long()):
            self.over = True
            self._source.close()
        return sent

    def _waited_long(self) -> bool:
        """Whether the facts about the end have not come for so long that they will not."""
        if self._final_since is None:
            self._final_since = time.monotonic()
        return time.monotonic() - self._final_since > COMPLETE_S

    def _draw(self, view: CardView) -> int:
        self._view = view
        sent = self._canvas.draw(view) if self._canvas else 0
        return sent + (self._replace() if view.final or self._canvas is None else 0)

    def _replace(self) -> int:
        bundle = self._bundle()
        for display_id in self._display_ids:
            publish.replace(bundle, display_id)
        return len(self._display_ids)

    def _bundle(self) -> Bundle:
        view = self._view or _blank("")
        # an end is published without its widgets: a page that has lost them would show an error instead of the HTML
        live = self._canvas.mime() if self._canvas and not view.final else {}
        return {**live, "text/html": markup.static(view), "text/plain": text.one_line(view)}

    def _fail(self, error: Exception) -> int:
        self._failures += 1
        self.over = self._failures >= PATIENCE
        if not self._warned:
            self._warned = True
            _log.warning("A card could not be drawn; its job is not affected.", exc_info=error)
        view = _blank(f"this card could not be drawn ({type(error).__name__}); its job is not affected")
        try:
            return 0 if view == self._view else self._draw(view)
        except Exception:  # noqa: BLE001 - the page is gone: there is nobody left to tell
            self.over = True
            return 0


def _blank(note: str) -> CardView:
    return CardView(look=palette.UNKNOWN, title="", notes=(note,) if note else (), cancellable=False)
