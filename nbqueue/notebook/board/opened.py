"""The cards of jobs and groups that were opened in a dashboard, with all that a card of its own cell has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from nbqueue.board import group_row
from nbqueue.broker.owners import GROUP
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.known import group_again
from nbqueue.client.session import Session
from nbqueue.display import wording
from nbqueue.errors import NbqueueError
from nbqueue.notebook.board.actions import OPEN
from nbqueue.notebook.card import Card
from nbqueue.notebook.sources import Source

#: cards that are open at once; with another one the first is closed
MOST = 4


class Opened:
    """Jobs that are followed, each on widgets. Clicks open and close; only the ticker draws and takes away."""

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        """Args: whom to ask; whom to tell what cannot be opened."""
        self._session, self._say = session, say
        self._lock = threading.Lock()
        #: by the id of the job that is shown: its card and the widgets of it
        self._cards: dict[str, tuple[Card, Any]] = {}
        self._closing: list[Card] = []
        #: by the name of the row: groups whose jobs are asked for
        self._asked: dict[str, Future[JobGroup[Any]]] = {}

    def open(self, names: Sequence[str]) -> None:
        """Follow these jobs and groups too. Does not wait."""
        for name in names[:MOST]:
            if group_row.is_group(name):
                self._ask(name)
            else:
                self._put(name, lambda job_id=name: Job[object](job_id, of=self._session))  # type: ignore[misc]

    def _ask(self, name: str) -> None:
        group = group_row.group_of(name)
        try:
            asked = self._session.call(lambda link: group_again(link, group, self._session))
        except NbqueueError as error:
            self._say(wording.line(f"{OPEN}: {error}", 400))
        else:
            with self._lock:
                self._asked[name] = asked

    def _hear(self) -> None:
        """Open those whose jobs are known by now."""
        with self._lock:
            done = {name: asked for name, asked in self._asked.items() if asked.done()}
            self._asked = {name: asked for name, asked in self._asked.items() if name not in done}
        for name, asked in done.items():
            error = None if asked.cancelled() else asked.exception()
            if error is None and not asked.cancelled():
                self._put(name, asked.result)
            else:
                self._say(wording.line(f"{OPEN}: not done: {error or 'it was stopped'}", 400))

    def _put(self, name: str, work: Callable[[], Any]) -> None:
        """Have a card of it, and close the oldest where there are too many."""
        with self._lock:
            if name not in self._cards:
                self._cards[name] = self._card(work())
            for other in list(self._cards)[:-MOST]:
                self._closing.append(self._cards.pop(other)[0])

    def close(self) -> None:
        """Follow none any more."""
        with self._lock:
            self._closing += [card for card, _ in self._cards.values()]
            self._cards, self._asked = {}, {}

    def redraw(self) -> int:
        """Send what changed on the cards; how many messages that took."""
        self._hear()
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

    def _card(self, work: Any) -> tuple[Card, Any]:
        from nbqueue.notebook.widgets import WidgetCanvas  # ipywidgets is heavy

        card = Card(Source(work), moved=self._moved)
        canvas = WidgetCanvas(card.cancel, card.retry)
        card.use(canvas)
        return card, canvas

    def _moved(self, card: Card, job: Any) -> None:
        """A card goes on with the job that runs in the place of its own."""
        with self._lock:
            if job is not None:
                new = f"{GROUP}{job.id}" if isinstance(job, JobGroup) else job.id
                if new in self._cards and self._cards[new][0] is not card:
                    # it was opened by itself
                    self._closing.append(self._cards.pop(new)[0])
                self._cards = {new if found[0] is card else name: found for name, found in self._cards.items()}
