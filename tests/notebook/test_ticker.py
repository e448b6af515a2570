"""One thread redraws all cards, fairly and within what a page keeps up with."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field

from nbqueue.notebook.ticker import Ticker
from tests.waiting import wait_until


@dataclass(eq=False)
class Drawn:
    """Something that is redrawn a given number of times and notes in which thread."""

    rounds: int = 10**9
    drawn: int = 0
    threads: set[threading.Thread] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether it was redrawn as often as wanted."""
        return self.drawn >= self.rounds

    def redraw(self) -> int:
        """Note it, as one message."""
        self.drawn += 1
        self.threads.add(threading.current_thread())
        return 1


def test_the_thread_lives_as_long_as_a_card() -> None:
    """One thread redraws all cards until the last is over; a later card starts one anew."""
    ticker, cards = Ticker(tick_s=0.01), [Drawn(rounds=2), Drawn(rounds=4)]
    for card in cards:
        ticker.add(card)
    wait_until(lambda: not ticker.running)
    assert ([card.drawn for card in cards], len(set.union(*[card.threads for card in cards]))) == ([2, 4], 1)
    ticker.add(late := Drawn(rounds=1))
    wait_until(lambda: not ticker.running)
    assert late.drawn == 1


def test_no_round_sends_more_than_a_page_takes_and_none_is_forgotten() -> None:
    """With more cards than one round may send, each has its turn: they differ by at most one."""
    ticker, cards = Ticker(tick_s=0.005, sent_a_tick=20), [Drawn() for _ in range(210)]
    for card in cards:
        ticker.add(card)
    wait_until(lambda: sum(card.drawn for card in cards) >= 1000)
    ticker.drop(cards)
    wait_until(lambda: not ticker.running)
    drawn = [card.drawn for card in cards]
    # cards that were added while it ran began later
    assert max(drawn[-100:]) - min(drawn[-100:]) <= 1


def test_the_same_card_is_redrawn_once_a_round() -> None:
    """Showing a card in a second cell does not redraw it twice as often."""
    ticker, card, other = Ticker(tick_s=0.01), Drawn(), Drawn()
    ticker.add(card)
    ticker.add(card)
    ticker.add(other)
    wait_until(lambda: other.drawn >= 10)
    ticker.drop([card, other])
    wait_until(lambda: not ticker.running)
    assert card.drawn - other.drawn <= 2


def test_a_card_is_redrawn_in_the_context_that_showed_it() -> None:
    """Some kernels send nothing without the context of a cell: each card keeps that of its own."""
    cell: ContextVar[str] = ContextVar("cell")

    class InCell(Drawn):
        def redraw(self) -> int:
            seen.append(cell.get())
            return super().redraw()

    seen: list[str] = []
    ticker = Ticker(tick_s=0.01)
    for name in ("first", "second"):
        cell.set(name)
        ticker.add(InCell(rounds=2))
    wait_until(lambda: not ticker.running)
    assert sorted(seen) == ["first", "first", "second", "second"]
