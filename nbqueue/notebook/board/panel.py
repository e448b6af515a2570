"""The widgets of a dashboard: what is above the job table, and the whole. Drawn by the ticker, never by a click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from nbqueue.notebook import wording
from nbqueue.notebook.board import bars, columns, grid, parts
from nbqueue.notebook.board.activity import WINDOWS
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.facts import Facts
from nbqueue.notebook.board.job_table import JobTable
from nbqueue.notebook.board.roster import Page
from nbqueue.notebook.publish import Bundle

_VIEW = "application/vnd.jupyter.widget-view+json"
#: seconds without an answer after which that is said
SILENT_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that is drawn."""

    facts: Facts
    page: Page
    #: the server's time as well as it is known
    now: datetime
    #: seconds since the server was heard
    silent_s: float = 0.0
    #: which server
    place: str = ""
    #: the widgets of the cards of opened jobs
    cards: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """What is called when a person asks for something; nothing of it waits."""

    #: the name of a button below the table
    act: Callable[[str], None]
    pause: Callable[[str], None]
    resume: Callable[[str], None]
    close_cards: Callable[[], None]
    close: Callable[[], None]


class Panel:
    """All widgets of one dashboard."""

    def __init__(self, desk: Desk, style: str, clicks: Clicks) -> None:
        """Args: what has been chosen; rules for the page besides those of the tables; what clicks do."""
        self._style = style
        self._head = parts.html(flex="1 1 0", min_width="0")
        self._queues = _Queues(clicks)
        self._workers = parts.table(width="100%")
        self._window = _window(desk)
        self._bars = parts.html(width="100%")
        self._jobs = JobTable(desk, clicks.act, clicks.close_cards)
        close = parts.button("Close", "Stop looking at the server, and leave the tables as they are", clicks.close)
        self._root = parts.column(
            (
                parts.row((parts.html(grid.STYLE + style, display="none"), self._head, close), flex_flow="row"),
                self._queues.box, self._workers,
                parts.row((parts.html(grid.heading("Ended")), self._window), margin="6px 0 0"), self._bars,
                self._jobs.box,
            ),
            width="100%", max_width="1280px", padding="2px 4px",
        )  # fmt: skip

    def draw(self, seen: Seen, desk: Desk) -> int:
        """Send what differs from before; how many messages that took."""
        facts = seen.facts
        workers = [columns.worker(engine, seen.now) for engine in facts.engines]
        told = grid.table("Workers", columns.WORKERS, workers, empty="None is running.")
        sent = parts.put(self._head, value=_header(seen))
        sent += self._queues.draw(facts)
        sent += parts.put(self._workers, value=grid.heading("Workers") + told)
        sent += parts.put(self._window, value=desk.choice.window.label)
        sent += parts.put(self._bars, value=bars.drawn(facts.chart) if facts.chart is not None else "")
        return sent + self._jobs.draw(facts, seen.page, seen.now, desk, seen.cards)

    @property
    def is_closed(self) -> bool:
        """Whether somebody has closed the widgets."""
        return self._root.comm is None

    def mime(self) -> Bundle:
        """The reference by which a page finds the widgets."""
        found: dict[str, Any] = self._root._repr_mimebundle_()
        return {_VIEW: found[_VIEW]}

    def leave(self, html: str) -> None:
        """Show this for good: a page that cannot replace an output, as that of Voila, has nothing else to show."""
        left = self._root.children
        told = f'{self._style}<div style="{grid.FONT};line-height:1.4">{html}</div>'
        parts.put(self._root, children=(parts.html(told, width="100%"),))
        for widget in left:
            parts.close(widget)


class _Queues:
    """The table of queues, with a button beside each."""

    def __init__(self, clicks: Clicks) -> None:
        self._clicks = clicks
        self._rows: list[tuple[str, bool]] = []
        self._buttons: list[Any] = []
        self._table = parts.table(flex="1 1 0", min_width="0")
        self._side = parts.column((), flex="0 0 auto", padding="58px 0 0 8px")
        self.box = parts.row((self._table, self._side), flex_flow="row", align_items="flex-start")

    def draw(self, facts: Facts) -> int:
        """Send what differs."""
        rows = [columns.queue(each) for each in facts.queues]
        self._rows = [(each.stats.name, each.stats.paused) for each in facts.queues]
        told = grid.table("Queues", columns.QUEUES, rows, empty="None was used so far.")
        sent = parts.put(self._table, value=grid.heading("Queues") + told)
        while len(self._buttons) < len(self._rows):
            self._buttons.append(self._button(len(self._buttons)))
        for made, (name, paused) in zip(self._buttons, self._rows, strict=False):
            words, tooltip = ("Resume", "Let its jobs start again") if paused else ("Pause", "Let no more jobs start")
            shown = wording.line(name, 24)
            sent += parts.put(made, description=f"{words} {shown}", tooltip=f"{tooltip}: queue {wording.line(name)}")
        return sent + parts.put(self._side, children=tuple(self._buttons[: len(self._rows)]))

    def _button(self, place: int) -> Any:
        return parts.button("Pause", "", lambda: self._pressed(place), width="9.5em", margin="1px 0")

    def _pressed(self, place: int) -> None:
        if place < len(self._rows):
            name, paused = self._rows[place]
            (self._clicks.resume if paused else self._clicks.pause)(name)


def _window(desk: Desk) -> Any:
    import ipywidgets

    labels = {window.label: window for window in WINDOWS}
    made = ipywidgets.ToggleButtons(
        options=tuple(labels), value=desk.choice.window.label, tooltips=[f"The last {each.words}" for each in WINDOWS],
        layout=ipywidgets.Layout(width="auto", margin="0 0 0 12px"),
    )  # fmt: skip
    made.style.button_width = "5em"
    parts.heard(made, lambda label: desk.choose(window=labels[label]))
    return made


def _header(seen: Seen) -> str:
    """Which server, as of when, and what is wrong."""
    facts, problem = seen.facts, seen.facts.problem
    if not problem and facts.at is not None and seen.silent_s > SILENT_S:
        problem = f"The server has not answered for {wording.duration(seen.silent_s, running=True)}."
    as_of = "" if facts.at is None else f" · as of {wording.clock(facts.at)}"
    said = f'<b style="color:#D55E00">!</b> {escape(wording.line(problem, 400))}'
    told = f'<div role="status" style="line-height:24px">{said}</div>'
    return (
        f'<div style="{grid.FONT}"><div style="line-height:30px"><span role="heading" aria-level="2" '
        f'style="font-size:1.25em;font-weight:600">nbqueue</span> <span style="{grid.MUTED}">'
        f"{escape(wording.line(seen.place))}{as_of}</span></div>{told if problem else ''}</div>"
    )
