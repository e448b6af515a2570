"""The card of a job or a group in a notebook: a live one, and the one that is saved beside it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import UTC, datetime
from typing import Any, Protocol

from nbqueue.display import markup, palette, text
from nbqueue.display.view import CardView, known_at
from nbqueue.notebook.outputs import Outputs
from nbqueue.notebook.publish import Bundle
from nbqueue.notebook.sources import COMPLETE_S, Source, wait_for_end

#: failures in a row after which a card is drawn only now and then, and how long it rests
PATIENCE, REST_S = 10, 10.0
#: seconds between two drawings of a card that is nothing but a picture: each folds what a reader has unfolded
PICTURE_S = 5.0

_log = logging.getLogger(__name__)


class Canvas(Protocol):
    """What a card is drawn on while it lives."""

    def draw(self, view: CardView) -> int:
        """Draw what differs from before; how many messages that took."""
        ...

    def mime(self) -> Bundle:
        """What to publish so that it is seen."""
        ...

    def again(self) -> None:
        """Send once more what was sent, in the name of the running cell."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether something is left to be drawn."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether its log is unfolded."""
        ...

    def close(self) -> None:
        """Draw nothing any more, and hold nothing."""
        ...


class Card:
    """One job or group in any number of cells. Whatever fails here never touches the job.

    In each cell there are two outputs: a static card, which is what a saved notebook has, and the live one, which hides
    the other as long as it lives. The static one is replaced now and then, and at the end, when the live one goes, but
    not where there is still something to do.
    """

    def __init__(self, source: Source, *, moved: Callable[[Card, Any], None]) -> None:
        """Args: what it shows; what is called when it moves again after its end, with what it then shows, if new."""
        self._source = source
        self._canvas: Canvas | None = None
        self._moved = moved
        self._lock = threading.RLock()
        self._outputs = Outputs()
        self._view: CardView | None = None
        #: the view that saved outputs have
        self._saved: CardView | None = None
        self._drawn: tuple[object, int] | None = None
        self._complete = False
        #: the facts about the end that came last, and when
        self._last_facts: tuple[object, float] | None = None
        self._failures = 0
        self._rests_till = 0.0
        self._warned = False
        #: what was published in the name of a cell that ran at that moment
        self._kept: CardView | None = None
        #: what it was drawn on while it lived
        self._left: Canvas | None = None
        #: whether its last state was sent
        self.over = False
        #: what its messages are sent in the name of: some kernels send nothing without a cell's
        self.context: Context = copy_context()

    @property
    def hides(self) -> str:
        """A style for the live card: the saved one is not seen as long as that lives."""
        return self._outputs.hides

    def use(self, canvas: Canvas) -> None:
        """Draw it live from now on."""
        self._canvas = canvas

    def show(self) -> None:
        """Show the card below the running cell."""
        with self._lock:
            self.redraw()
            self._saved = self._view
            self._outputs.show(self._picture(), None if self._canvas is None else self._canvas.mime())

    def redraw(self) -> int:
        """Send what changed since the last time; how many messages that took."""
        with self._lock:
            if self.over or time.monotonic() < self._rests_till:
                return 0
            try:
                return self._redraw()
            except Exception as error:  # noqa: BLE001 - whatever it is, a card never touches its job
                return self._fail(error)

    def cancel(self) -> None:
        """Ask for the end of the work; called by a click, in any thread."""
        self._source.cancel()

    def retry(self) -> None:
        """Ask for another run, which this card then shows; called by a click, in any thread."""
        with self._lock:
            self._source.retry()
            self.over = False
        self._moved(self, None)

    def settle(self) -> None:
        """Publish the end in the name of the cell that waited for it: a run without a page keeps no other."""
        wait_for_end(self._source)
        with self._lock:
            self.redraw()
            if self._outputs.shown:
                self._save()
            else:
                self.show()

    def stop(self) -> None:
        """Leave it as it is: what moved and could be clicked becomes a picture of it."""
        with self._lock:
            if self._canvas is not None:
                self._save()
                self._leave(self._canvas)
            self.forget()
            self.over = True
            self._source.close()

    def forget(self) -> None:
        """Take away what is left of a live card that has ended."""
        with self._lock:
            left, self._left = self._left, None
        if left is not None:
            left.close()

    def keep(self) -> bool:
        """Publish how it stands in the name of the cell that ran, unless one did so before; whether it was needed."""
        with self._lock:
            self.redraw()
            if self._view == self._kept or not self._outputs.shown:
                return False
            self._kept = self._view
            self._save()
            self._outputs.leave_again()
            if self._canvas is not None:
                self._canvas.again()
            return True

    def _redraw(self) -> int:
        now = self._source.now
        # besides the facts only the seconds move
        facts = (self._source.facts(), int(now.timestamp()))
        if self._source.successor is not None:
            self._go_on()
            return self._redraw()
        if facts == self._drawn and not (self._canvas is not None and self._canvas.is_behind):
            return 0
        complete = self._source.complete
        # once the end is complete, one more round: its last lines of log may be on their way
        self._drawn = facts if complete is self._complete else None
        self._complete, again = complete, self._complete
        view = self._source.view(now)
        behind = self._canvas is not None and self._canvas.is_behind
        sent = 0 if view == self._view and not behind else self._draw(view)
        if view != self._saved and self._canvas is not None and self._outputs.is_due:
            # nothing moves, and what is saved was drawn before the last change
            sent += self._save()
        self._failures = 0
        settled = not self._source.awaits and not (self._canvas is not None and self._canvas.is_behind)
        if view.final and settled and ((complete and again) or self._waited_long(facts[0])):
            self.over = True
            self._source.close()
        return sent

    def _go_on(self) -> None:
        """Show what runs in the place of what has ended."""
        work = self._source.successor
        self._source.close()
        self._source = self._source.successor_source()
        self._drawn = self._last_facts = None
        self._complete = False
        self._moved(self, work)

    def _waited_long(self, facts: object) -> bool:
        """Whether no facts about the end have come for so long that no more will."""
        if self._last_facts is None or self._last_facts[0] != facts:
            self._last_facts = facts, time.monotonic()
        return time.monotonic() - self._last_facts[1] > COMPLETE_S

    def _draw(self, view: CardView) -> int:
        before, self._view = self._view, view
        sent = self._canvas.draw(view) if self._canvas else 0
        if self._is_due(before, view):
            sent += self._save()
        if view.final and not view.retryable and self._canvas is not None:
            sent += self._leave(self._canvas)
        return sent

    def _leave(self, canvas: Canvas) -> int:
        """Let the live card go: there is nothing more to be done with it, and a saved notebook is better without.

        Its widgets stay as they are: a page that was loaded anew knows no output by its id, and has the end from them.
        """
        self._canvas, self._left = None, canvas
        return self._outputs.leave()

    def _is_due(self, before: CardView | None, view: CardView) -> bool:
        """Whether what is saved is to be drawn anew."""
        if self._canvas is not None:
            return view.final or self._outputs.is_due
        return view.final or before is None or view.look != before.look or self._outputs.age_s >= PICTURE_S

    def _save(self) -> int:
        self._saved = self._view
        return self._outputs.save(self._picture())

    def _picture(self) -> Bundle:
        """The card as it is saved: who reads it later must not take for live what was under way then."""
        found, canvas = self._view or _blank(""), self._canvas or self._left
        view = found if found.final else known_at(found, datetime.now(UTC))
        html = markup.saved(view, is_open=canvas is not None and canvas.is_open)
        return {"text/html": html, "text/plain": text.one_line(view)}

    def _fail(self, error: Exception) -> int:
        self._failures += 1
        if self._failures >= PATIENCE:
            self._rests_till = time.monotonic() + REST_S
        if not self._warned:
            self._warned = True
            _log.warning("A card could not be drawn; its job is not affected.", exc_info=error)
        view = _blank(f"this card could not be drawn ({type(error).__name__}); its job is not affected")
        try:
            return 0 if view == self._view else self._draw(view)
        except Exception:  # noqa: BLE001 - the page is gone: there is nobody left to tell
            return 0


def _blank(note: str) -> CardView:
    return CardView(look=palette.UNKNOWN, title="", notes=(note,) if note else (), cancellable=False)
