"""What somebody selects and asks for in a dashboard, whatever the rows do meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook.board.activity import WINDOWS
from nbqueue.notebook.board.desk import SAID_S, SURE_S, Desk
from nbqueue.notebook.board.roster import Page


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the desk."""
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Desk:
    """A desk on which three rows were drawn."""
    made = Desk(lambda: None, clock)
    made.drawn(shown("a", "b", "c"))
    return made


def shown(*ids: str, **facts: Any) -> Page:
    """A page with these rows."""
    return Page(rows=tuple(JobRecord(id=each, state=State.QUEUED) for each in ids), **facts)


def test_a_tick_selects_what_was_drawn(desk: Desk) -> None:
    """The row that was seen counts, and rows keep their places as long as something is selected."""
    assert list(desk.held) == []
    desk.tick(1, on=True)
    desk.tick(7, on=True)
    assert [*desk.selected, *desk.held] == ["b", "a", "b", "c"]
    desk.drawn(shown("a", "b"))
    desk.tick(0, on=True)
    assert [*desk.selected, *desk.held] == ["b", "a", "a", "b"]
    desk.tick(1, on=False)
    desk.tick(0, on=False)
    assert [*desk.selected, *desk.held] == []


def test_all_rows_of_a_page_are_selected_at_once(desk: Desk) -> None:
    """And of other pages what was selected there stays selected."""
    desk.tick_all(on=True)
    desk.turn(1)
    assert list(desk.held) == []
    desk.drawn(shown("d", number=1))
    desk.tick_all(on=True)
    assert list(desk.selected) == ["a", "b", "c", "d"]
    desk.clear()
    assert list(desk.selected) == []


def test_another_choice_begins_with_its_first_page(desk: Desk) -> None:
    """But the window of the chart leaves the table as it is; a page behind the last is the last."""
    desk.turn(3)
    desk.drawn(shown("a", number=2))
    assert desk.choice.page == 2
    desk.choose(window=WINDOWS[1])
    assert (desk.choice.page, desk.choice.window) == (2, WINDOWS[1])
    before = desk.version
    desk.choose(text="x")
    desk.choose(text="x")
    assert (desk.choice.page, desk.choice.text, desk.version) == (0, "x", before + 1)


def test_delete_waits_for_a_second_click(desk: Desk, clock: Clock) -> None:
    """Not for ever, and not for what was selected in between."""
    desk.tick(0, on=True)
    desk.arm()
    assert desk.is_armed
    desk.tick(1, on=True)
    assert not desk.is_armed
    desk.arm()
    clock.now += SURE_S
    assert not desk.is_armed


def test_it_is_known_how_long_nobody_did_anything(desk: Desk, clock: Clock) -> None:
    """Drawing is nothing that a person does."""
    clock.now += 7
    desk.drawn(shown("d"))
    assert desk.idle_s == 7
    desk.tick(0, on=True)
    assert desk.idle_s == 0


def test_an_answer_is_news_for_a_while(desk: Desk, clock: Clock) -> None:
    """Then it goes."""
    desk.say("done")
    assert desk.said == "done"
    clock.now += SAID_S
    assert desk.said == ""
