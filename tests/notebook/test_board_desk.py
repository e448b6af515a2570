"""What somebody selects and asks for in a dashboard, whatever the rows do meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from nbqueue.board.activity import WINDOWS
from nbqueue.board.roster import Page
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook.board.desk import SAID_S, SURE_S, Desk


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
    made.drawn(shown("a", "b", "c"), made.choice)
    return made


def shown(*ids: str, **facts: Any) -> Page:
    """A page with these rows."""
    return Page(rows=tuple(JobRecord(id=each, state=State.QUEUED) for each in ids), **facts)


def test_rows_keep_their_places_while_something_is_selected(desk: Desk) -> None:
    """Those that were drawn last."""
    assert list(desk.held) == []
    desk.tick(["b"], on=True)
    assert (desk.selected, desk.held) == (("b",), ("a", "b", "c"))
    desk.drawn(shown("a", "b"), desk.choice)
    desk.tick(["a"], on=True)
    assert (desk.selected, desk.held) == (("b", "a"), ("a", "b"))
    desk.tick(["b", "a"], on=False)
    assert (desk.selected, desk.held) == ((), ())


def test_what_was_selected_on_other_pages_stays_selected(desk: Desk) -> None:
    """Until the selection is cleared."""
    desk.tick(["a", "b", "c"], on=True)
    desk.turn(1)
    assert list(desk.held) == []
    desk.drawn(shown("d", number=1), desk.choice)
    desk.tick(["d"], on=True)
    assert (desk.selected, desk.held) == (("a", "b", "c", "d"), ("d",))
    desk.clear()
    assert list(desk.selected) == []


def test_another_choice_begins_with_its_first_page(desk: Desk) -> None:
    """But the window of the chart leaves the table as it is; a page behind the last is the last."""
    desk.turn(3)
    desk.drawn(shown("a", number=2), desk.choice)
    assert desk.choice.page == 2
    desk.choose(window=WINDOWS[1])
    assert (desk.choice.page, desk.choice.window) == (2, WINDOWS[1])
    before = desk.version
    desk.choose(text="x")
    desk.choose(text="x")
    assert (desk.choice.page, desk.choice.text, desk.version) == (0, "x", before + 1)


def test_what_is_chosen_while_rows_are_worked_out_stays_chosen(desk: Desk) -> None:
    """Rows of an older choice turn no page back, and hold nothing in its place."""
    desk.turn(3)
    desk.tick(["a"], on=True)
    before = desk.choice
    desk.choose(text="solve")
    desk.drawn(shown("a", number=2), before)
    assert (desk.choice.page, desk.choice.text, desk.held) == (0, "solve", ())
    desk.tick(["b"], on=True)
    assert list(desk.held) == []
    desk.drawn(shown("b"), desk.choice)
    assert list(desk.held) == ["b"]


def test_the_server_is_asked_at_once_only_for_what_it_is_not_asked_for_anyway() -> None:
    """Another queue, another window, rows that were not seen; no letter, no tick, and no new job of the same page."""
    asked: list[int] = []
    seen = Desk(lambda: asked.append(1))

    def news(ids: str) -> int:
        seen.drawn(shown(*ids), seen.choice)
        found = len(asked)
        asked.clear()
        return found

    assert (news("abc"), news("abcd")) == (1, 0)
    seen.choose(text="s")
    seen.tick(["a"], on=True)
    seen.say("done")
    seen.choose(sort="job")
    assert (asked, news("ab")) == ([], 0)
    seen.choose(text="")
    assert (asked, news("abe")) == ([], 1)
    seen.choose(queue="nightly")
    seen.choose(window=WINDOWS[1])
    assert news("abe") == 2


def test_delete_waits_for_a_second_click(desk: Desk, clock: Clock) -> None:
    """Not for ever, and not for what was selected in between."""
    desk.tick(["a"], on=True)
    desk.arm()
    assert desk.is_armed
    desk.tick(["b"], on=True)
    assert not desk.is_armed
    desk.arm()
    clock.now += SURE_S
    assert not desk.is_armed


def test_it_is_known_how_long_nobody_did_anything(desk: Desk, clock: Clock) -> None:
    """Drawing is nothing that a person does."""
    clock.now += 7
    desk.drawn(shown("d"), desk.choice)
    assert desk.idle_s == 7
    desk.tick(["d"], on=True)
    assert desk.idle_s == 0
    clock.now += 7
    desk.touch()
    assert desk.idle_s == 0


def test_an_answer_is_news_for_a_while(desk: Desk, clock: Clock) -> None:
    """Then it goes."""
    desk.say("done")
    assert desk.said == "done"
    clock.now += SAID_S
    assert desk.said == ""
