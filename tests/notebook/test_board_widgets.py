"""The widgets of a dashboard: each means one thing for as long as it lives, and none is left at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ipywidgets
import pytest

from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.roster import Page
from nbqueue.broker.queues import QueueStats
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.panel import Clicks, Panel, Seen
from nbqueue.notebook.board.parts import Kit, Stock

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Asked:
    """A panel, and what a person asked for on it."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.desk = Desk(lambda: None)
        self.panel = Panel(self.desk, Clicks(
            act=lambda name: self.note("act", name), pause=lambda name: self.note("pause", name),
            resume=lambda name: self.note("resume", name), close_cards=lambda: None, close=lambda: None,
            export=lambda words: self.note("export", words),
        ))  # fmt: skip
        self.panel.move("")

    def note(self, what: str, name: str) -> None:
        """It was asked for this."""
        self.found.append((what, name))

    def draw(self, *, queues: str = "", jobs: str = "", paused: str = "") -> None:
        """Show queues and jobs, each named by a letter."""
        rows = tuple(JobRecord(id=each, label=f"job {each}", state=State.QUEUED) for each in jobs)
        facts = Facts(
            at=NOW, queues=tuple(QueueFacts(stats=QueueStats(name=each, paused=each in paused)) for each in queues),
            jobs=rows,
        )  # fmt: skip
        page = Page(rows=rows, total=len(rows))
        self.desk.drawn(page, self.desk.choice)
        self.panel.draw(Seen(facts=facts, page=page, now=NOW))

    def seen(self, *begins: str) -> list[str]:
        """The words of the widgets in the page, in order, that begin so."""
        words = [str(getattr(each, "description", "")) for each in _inside(self.panel._root)]
        return [each for each in words if each.startswith(begins)]

    def texts(self) -> str:
        """All that can be read in the page."""
        return "".join(str(each.value) for each in _inside(self.panel._root) if isinstance(each, ipywidgets.HTML))

    def widget(self, words: str) -> Any:
        """The one with these words that is in the page."""
        [found] = [each for each in _inside(self.panel._root) if getattr(each, "description", None) == words]
        return found


@pytest.fixture
def asked() -> Asked:
    """A panel."""
    return Asked()


def _inside(widget: Any) -> list[Any]:
    return [widget, *(each for child in getattr(widget, "children", ()) for each in _inside(child))]


def _known() -> set[str]:
    """The ids of all widgets of this process."""
    return set(ipywidgets.widgets.widget._instances)


def test_a_button_pauses_the_queue_it_names(asked: Asked) -> None:
    """Also where others came before it, or it went away, while the click was on its way."""
    asked.draw(queues="nz")
    pause = asked.widget("Pause n")
    asked.draw(queues="anz", paused="a")
    assert asked.seen("Resume ", "Pause ") == ["Resume a", "Pause n", "Pause z"]
    pause.click()
    asked.draw(queues="z")
    pause.click()
    asked.draw(queues="anz", paused="an")
    assert asked.widget("Resume n") is pause
    pause.click()
    assert asked.found == [("pause", "n"), ("pause", "n"), ("resume", "n")]


def test_a_box_selects_the_job_it_stood_beside(asked: Asked) -> None:
    """Rows that come and go while the tick is on its way change nothing about whom it means."""
    asked.draw(jobs="bcd")
    box = asked.widget("job c")
    asked.draw(jobs="abcd")
    box.value = True
    assert asked.desk.selected == ("c",)
    asked.draw(jobs="abcd")
    assert [asked.widget(f"job {each}").value for each in "abcd"] == [False, False, True, False]
    other = asked.widget("job a")
    asked.draw(jobs="xyz")
    other.value = True
    assert list(asked.desk.selected) == ["c", "a"]


def test_the_box_above_selects_the_rows_that_were_seen_with_it(asked: Asked) -> None:
    """And shows whether all of them are."""
    asked.draw(jobs="bc")
    above = asked.widget("all 2 on this page")
    asked.draw(jobs="abc")
    above.value = True
    assert asked.desk.selected == ("b", "c")
    asked.draw(jobs="abc")
    assert asked.widget("all 3 on this page").value is False
    asked.draw(jobs="bc")
    assert (asked.widget("all 2 on this page") is above, above.value) == (True, True)
    asked.draw()
    assert asked.widget("none on this page").disabled


def test_it_is_said_how_much_is_selected_and_how_much_of_it_is_out_of_sight(asked: Asked) -> None:
    """What another filter hides stays selected, and whoever acts on it knows."""
    asked.draw(jobs="abc")
    asked.desk.tick(("a", "b"), on=True)
    asked.desk.choose(text="b")
    asked.draw(jobs="b")
    assert asked.desk.selected == ("a", "b")
    assert "2 selected, 1 of them not on this page" in asked.texts()
    asked.draw(jobs="ab")
    assert ">2 selected<" in asked.texts()


def test_boxes_of_rows_that_went_are_taken_away_in_time() -> None:
    """A stock has those that are wanted and some that were, whatever goes through it."""
    kit, before = Kit(), _known()
    stock: Stock[int] = Stock(kit, lambda number: kit.box(str(number), lambda _: None), spare=3)
    for first in range(0, 100, 2):
        taken, _ = stock.take(range(first, first + 4))
        assert [box.description for box in taken.values()] == [str(first + place) for place in range(4)]
        assert all(box.comm is not None for box in taken.values())
    assert len(_known() - before) == 7


def test_no_widget_is_left_of_a_panel() -> None:
    """Neither layouts nor styles, nor what is not in the page at the end; the last picture until it is closed too."""
    before, asked = _known(), Asked()
    asked.draw(queues="abc", jobs="abcdef")
    asked.draw(queues="a", jobs="a")
    asked.panel.move("<style></style>")
    made = _known() - before
    asked.panel.leave("<b>tables</b>")
    left = _inside(asked.panel._root)
    assert (len(made) > 60, [type(each).__name__ for each in left]) == (True, ["VBox", "HTML"])
    assert len(_known() - before) == 5
    asked.panel.close()
    assert (_known() - before, asked.panel.is_closed) == (set(), True)
