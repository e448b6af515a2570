"""One thread that redraws all live cards and dashboards of the process, five times a second, never too much at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextvars import Context, copy_context
from typing import Protocol

#: seconds between two rounds
TICK_S = 0.2
#: how long the end of its thread is waited for
END_S = 1.0
#: changes sent in one round by all of them; a page keeps up with 100 a second
SENT_A_TICK = 20


class Redrawn(Protocol):
    """Something that is redrawn until it is over. Neither method raises."""

    @property
    def over(self) -> bool:
        """Whether the last state was sent."""
        ...

    def redraw(self) -> int:
        """Send what changed; how many messages that took."""
        ...


class Ticker:
    """Redraws its cards in turn, in a thread that lives only as long as one of them does."""

    def __init__(self, tick_s: float = TICK_S, sent_a_tick: int = SENT_A_TICK) -> None:
        self._tick_s = tick_s
        self._sent_a_tick = sent_a_tick
        self._lock = threading.Lock()
        self._cards: dict[Redrawn, Context] = {}
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def add(self, card: Redrawn, context: Context | None = None) -> None:
        """Redraw a card from now on, in a context, or that of this call: some kernels send nothing without a cell's.

        Of a card that is redrawn already this changes the context.
        """
        with self._lock:
            self._cards[card] = context or copy_context()
            self._stopped.clear()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbqueue-ticker", daemon=True)
                self._thread.start()

    def drop(self, cards: Iterable[Redrawn]) -> None:
        """Redraw these no more; where they were the last, the thread has ended then, unless it is held up in a card."""
        with self._lock:
            for card in cards:
                self._cards.pop(card, None)
            if self._cards:
                return
            thread = self._thread
            self._stopped.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_S)

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        with self._lock:
            return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while self._go_on():
            self._round()
            self._stopped.wait(self._tick_s)

    def _go_on(self) -> bool:
        with self._lock:
            self._cards = {card: context for card, context in self._cards.items() if not card.over}
            if not self._cards:
                self._thread = None
            return self._thread is not None

    def _round(self) -> None:
        with self._lock:
            cards = list(self._cards.items())
        sent = 0
        for asked, (card, context) in enumerate(cards, start=1):
            sent += context.run(card.redraw)
            if sent >= self._sent_a_tick:
                self._begin_after(cards[:asked])
                return

    def _begin_after(self, served: list[tuple[Redrawn, Context]]) -> None:
        """Let those go first in the next round who had no turn in this one."""
        with self._lock:
            for card, context in served:
                if self._cards.pop(card, None) is not None:
                    self._cards[card] = context


#: the one of this process: what a page keeps up with is for all that it shows
shared = Ticker()
