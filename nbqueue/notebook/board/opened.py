"""The cards of jobs that were opened in a dashboard, with all that a card of its own cell has."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from nbqueue.client.handle import Job
from nbqueue.client.session import Session
from nbqueue.notebook.card import Card
from nbqueue.notebook.sources import Source

#: cards that are open at once; with another one the first is closed
MOST = 4


class Opened:
    """Jobs that are followed, each on widgets. Clicks open and close; only the ticker draws and takes away."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        #: by the id of the job that is shown: its card and the widgets of it
        self._cards: dict[str, tuple[Card, Any]] = {}
        self._closing: list[Card] = []

    def open(self, ids: Sequence[str]) -> None:
        """Follow these jobs too. Does not wait."""
        with self._lock:
            for job_id in ids[:MOST]:
                if job_id not in self._cards:
                    self._cards[job_id] = self._card(job_id)
            for job_id in list(self._cards)[:-MOST]:
                self._closing.append(self._cards.pop(job_id)[0])

    def close(self) -> None:
        """Follow none any more."""
        with self._lock:
            self._closing += [card for card, _ in self._cards.values()]
            self._cards = {}

    def redraw(self) -> int:
        """Send what changed on the cards; how many messages that took."""
        with self._lock:
            cards = [card for card, _ in self._cards.values()]
        return sum(card.redraw() for card in cards)

    @property
    def boxes(self) -> tuple[Any, ...]:
        """Their widgets, those that were drawn so far."""
        with self._lock:
            return tuple(canvas.box for _, canvas in self._cards.values() if canvas.box is not None)

    def sweep(self) -> None:
        """Take the widgets away of cards that are closed and shown no more."""
        with self._lock:
            closing, self._closing = self._closing, []
        for card in closing:
            card.stop()
            card.forget()

    def _card(self, job_id: str) -> tuple[Card, Any]:
        from nbqueue.notebook.widgets import WidgetCanvas  # ipywidgets is heavy

        card = Card(Source(Job[object](job_id, of=self._session)), moved=self._moved)
        canvas = WidgetCanvas(card.cancel, card.retry)
        card.use(canvas)
        return card, canvas

    def _moved(self, card: Card, job: Any) -> None:
        """A card goes on with the job that runs in the place of its own."""
        with self._lock:
            if job is not None:
                self._cards = {job.id if found[0] is card else name: found for name, found in self._cards.items()}
