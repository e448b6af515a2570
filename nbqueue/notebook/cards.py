"""All cards of a notebook's kernel: which exist, which are redrawn, which publish their end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from nbqueue.client.selection import Selection
from nbqueue.display.table import Table
from nbqueue.notebook import listing
from nbqueue.notebook.card import Card
from nbqueue.notebook.cell_ends import CellEnds
from nbqueue.notebook.publish import Place, place, publish
from nbqueue.notebook.sources import Source
from nbqueue.notebook.ticker import shared
from nbqueue.notebook.work import Work

#: ended cards that are kept, so that a cell that waits for one later can publish its end
KEPT = 500
#: cards that are published again after cells, a second: a page takes no more messages than that without falling behind
KEPT_A_SECOND = 50
#: of jobs that were found, so many of those that live get a card
LIVE_CARDS = 20
#: loaded with the first widget
_WIDGETS = "nbqueue.notebook.widgets"


class Cards:
    """The cards of this kernel, by what they show."""

    def __init__(self) -> None:
        self._ticker = shared
        self._lock = threading.Lock()
        self._cards: dict[tuple[object, str], Card] = {}
        self._cell_ends = CellEnds(self.keep)
        self._keeps_left, self._kept_at = float(KEPT_A_SECOND), time.monotonic()

    def show(self, work: Work) -> None:
        """Show its card below the running cell; it follows the job, unless a program runs the notebook."""
        card = self._card(work)
        self._cell_ends.begin()
        card.show()
        if not card.over and place() is not Place.FINAL_HTML:
            self._ticker.add(card, card.context)

    def display(self, work: Work | Selection) -> None:
        """Show what stands for a handle at the end of a cell: the same card; of many found jobs, those that live."""
        if not isinstance(work, Selection):
            self.show(work)
            return
        live = work.works
        ended = work.without(live).ended
        # the newest stands last, where the eye is
        for each in reversed(live[:LIVE_CARDS]):
            self.show(each)
        if ended or not live:
            _publish(listing.found(ended.records, now=datetime.now(UTC), of=work.words, is_cut=work.is_cut))
        rest = work.without(live[:LIVE_CARDS]).live.records if len(live) > LIVE_CARDS else ()
        if rest or work.more:
            _publish(listing.left_out(rest, now=datetime.now(UTC), more=work.more))

    def settle(self, work: Work) -> None:
        """Publish the end in the name of the cell that waited for it, if a card of it was shown."""
        with self._lock:
            card = self._cards.get(_name(work))
        if card is not None:
            card.settle()

    def stop(self) -> None:
        """Leave all cards as they are; what is shown from now on gets a new one."""
        with self._lock:
            cards, self._cards = self._cards, {}
        self._ticker.drop(cards.values())
        self._cell_ends.stop()
        for card in cards.values():
            card.stop()
        if (widgets := sys.modules.get(_WIDGETS)) is not None:
            widgets.close_shared()

    def keep(self) -> None:
        """After a cell: publish in its name how cards stand, those first that were not for the longest time."""
        now = time.monotonic()
        left = min(self._keeps_left + (now - self._kept_at) * KEPT_A_SECOND, KEPT_A_SECOND)
        with self._lock:
            cards = list(self._cards.items())
        for name, card in cards:
            if left >= 1 and card.keep():
                left -= 1
                with self._lock:
                    # the next time others come first
                    if self._cards.pop(name, None) is not None:
                        self._cards[name] = card
        self._keeps_left, self._kept_at = left, now

    def _card(self, work: Work) -> Card:
        """The card that lives, or a new one."""
        with self._lock:
            found = self._cards.get(_name(work))
            if found is not None and not found.over:
                return found
            made = self._cards[_name(work)] = _new(work, self._move)
            gone = self._too_many() if found is None else [found]
        for card in gone:
            card.stop()
        return made

    def _move(self, card: Card, work: Work | None) -> None:
        """Follow a card again, which shows something else from now on."""
        if work is not None:
            name = _name(work)
            with self._lock:
                # what it showed before gets a card of its own again, and another one of the same work lives on
                rest = {(other, name[1]) if key == name else key: other for key, other in self._cards.items()}
                self._cards = {key: other for key, other in rest.items() if other is not card} | {name: card}
        self._ticker.add(card, card.context)

    def _too_many(self) -> list[Card]:
        """Those that have ended the longest ago, beyond the number that is kept."""
        over = [name for name, card in self._cards.items() if card.over]
        return [self._cards.pop(name) for name in over[: max(len(over) - KEPT, 0)]]


def _name(work: Work) -> tuple[object, str]:
    """Where it is and what it is called there: another server may have a job of the same id."""
    return work.session, work.id


def _publish(table: Table) -> None:
    publish({"text/html": table._repr_html_(), "text/plain": repr(table)})


def _new(work: Work, moved: Callable[[Card, Work | None], None]) -> Card:
    source = Source(work)
    if place() is Place.FINAL_HTML:
        source.wait_until_known()
    card = Card(source, moved=moved)
    now = source.view()
    if place() is Place.WIDGETS and (now.retryable or not now.final):
        from nbqueue.notebook.widgets import WidgetCanvas  # ipywidgets is heavy

        card.use(WidgetCanvas(card.cancel, card.retry, card.hides))
    return card
