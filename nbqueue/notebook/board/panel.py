"""The widgets of a dashboard: what is above the job table, and the whole. Drawn by the ticker, never by a click."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from nbqueue.board import bars, columns
from nbqueue.board.activity import WINDOWS
from nbqueue.board.facts import Facts
from nbqueue.board.roster import Page
from nbqueue.display import palette, theme, wording
from nbqueue.notebook import publish
from nbqueue.notebook.board import focus, grid, parts
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.job_table import JobTable
from nbqueue.notebook.board.parts import Kit, Stock
from nbqueue.notebook.publish import Bundle

#: seconds without an answer after which that is said
SILENT_S = 4.0
#: seconds between two answers to presses: a page that gets two at once sees nothing of them
HEARD_S = 0.8
#: buttons of queues that still hear after they were seen
SPARE_QUEUES = 30
_KEPT = focus.rules(", ".join(f".{name}" for name in grid.HEARD_CLASSES))


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
    #: words of a format that the jobs are to be exported in
    export: Callable[[str], None]
    pause: Callable[[str], None]
    resume: Callable[[str], None]
    close_cards: Callable[[], None]
    close: Callable[[], None]


class Panel:
    """All widgets of one dashboard."""

    def __init__(self, desk: Desk, clicks: Clicks) -> None:
        """Args: what has been chosen; what clicks do."""
        self._desk = desk
        self._kit = kit = Kit()
        self._head = kit.html(flex="1 1 0", min_width="0")
        self._queues = _Queues(kit, clicks)
        self._workers = kit.table(flex="1 1 860px", min_width="0")
        self._window = _window(kit, desk)
        self._bars = kit.html(width="100%")
        self._jobs = JobTable(kit, desk, clicks.act, clicks.export, clicks.close_cards)
        close = kit.button("Close", "Stop looking at the server, and leave the tables as they are", clicks.close)
        self._body = (
            kit.row((self._head, close), flex_flow="row"),
            # beside one another where there is room for all columns of both
            kit.row((self._queues.box, self._workers), align_items="flex-start", grid_gap="0 24px"),
            kit.row((kit.html(grid.heading("Ended")), self._window), margin="6px 0 0"), self._bars, self._jobs.box,
        )  # fmt: skip
        self._style = ""
        self._presses, self._heard, self._heard_at = 0, grid.HEARD_CLASSES[0], -HEARD_S
        self._root: Any = None

    def move(self, style: str) -> Bundle:
        """Have all of it in a new place, and in the one before no more; the reference by which a page finds it.

        Args:
            style: rules for the page besides those of the tables.
        """
        before, self._style = self._root, style
        rules = self._kit.html(grid.STYLE + _KEPT + style, display="none")
        self._root = self._kit.column((rules, *self._body), width="100%", max_width="1800px", padding="2px 4px")
        parts.put(self._root, _dom_classes=(self._heard,))
        if before is not None:
            for widget in (before.children[0], before):
                self._kit.drop(widget)
        return publish.of_widget(self._root)

    def draw(self, seen: Seen) -> int:
        """Send what differs from before; how many messages that took."""
        facts = seen.facts
        workers = [columns.worker(engine, seen.now) for engine in facts.engines]
        told = grid.table("Workers", columns.WORKERS, workers, empty="None is running.")
        sent = parts.put(self._head, value=_header(seen))
        sent += self._show_heard()
        sent += self._queues.draw(facts)
        sent += parts.put(self._workers, value=grid.heading("Workers") + told)
        sent += parts.put(self._window, value=self._desk.choice.window.label)
        sent += parts.put(self._bars, value=bars.drawn(facts.chart) if facts.chart is not None else "")
        return sent + self._jobs.draw(facts, seen.page, seen.now, seen.cards)

    def _show_heard(self) -> int:
        """Take the marks of presses away that were heard of since the last time, however many they were."""
        now = time.monotonic()
        if self._kit.presses > self._presses and now - self._heard_at > HEARD_S:
            self._presses, self._heard_at = self._kit.presses, now
            [self._heard] = [name for name in grid.HEARD_CLASSES if name != self._heard]
        return parts.put(self._root, _dom_classes=(self._heard,))

    @property
    def presses(self) -> int:
        """Presses of buttons that were heard of."""
        return self._kit.presses

    @property
    def is_closed(self) -> bool:
        """Whether somebody has closed the widgets."""
        return self._root is not None and self._root.comm is None

    def leave(self, html: str) -> None:
        """Show this and nothing else, for pages that cannot replace an output, as those of Voila."""
        told = f'{self._style}<div style="{theme.FONT};line-height:1.4">{html}</div>'
        picture = self._kit.html(told, width="100%")
        parts.put(self._root, children=(picture,))
        self._kit.close(but=(self._root, picture))

    def close(self) -> None:
        """Show nothing any more."""
        self._kit.close()


class _Queues:
    """The table of queues, with a button beside each."""

    def __init__(self, kit: Kit, clicks: Clicks) -> None:
        self._kit, self._clicks = kit, clicks
        self._paused: frozenset[str] = frozenset()
        self._buttons: Stock[str] = Stock(kit, self._button, SPARE_QUEUES)
        self._table = kit.table(flex="1 1 0", min_width="0")
        self._side = kit.column((), flex="0 0 auto", padding="58px 0 0 8px")
        self.box = kit.row(
            (self._table, self._side), flex_flow="row", align_items="flex-start", width="auto",
            flex=f"1 1 {grid.QUEUES_PX}px", min_width="0",
        ).add_class(grid.QUEUES_CLASS)  # fmt: skip

    def draw(self, facts: Facts) -> int:
        """Send what differs."""
        rows = [columns.queue(each) for each in facts.queues]
        self._paused = frozenset(each.stats.name for each in facts.queues if each.stats.paused)
        told = grid.table("Queues", columns.QUEUES, rows, empty="None was used so far.")
        sent = parts.put(self._table, value=grid.heading("Queues") + told)
        buttons, made = self._buttons.take(each.stats.name for each in facts.queues)
        for name, button in buttons.items():
            sent += parts.put(button, **self._words(name))
        return sent + made + parts.put(self._side, children=tuple(buttons.values()))

    def _button(self, name: str) -> Any:
        made = self._kit.button("", "", lambda: self._pressed(name), width="9.5em", margin="1px 0")
        made.add_class(grid.TURN_CLASS)
        return made

    def _words(self, name: str) -> dict[str, str]:
        """What the button of a queue says."""
        does, means, icon = (
            ("Resume", "Let its jobs start again", grid.RESUME) if name in self._paused
            else ("Pause", "Let no more jobs start", grid.PAUSE)
        )  # fmt: skip
        short, full = wording.line(name, 24), wording.line(name)
        return {"description": f"{does} {short}", "tooltip": f"{means}: queue {full}", "icon": icon}

    def _pressed(self, name: str) -> None:
        (self._clicks.resume if name in self._paused else self._clicks.pause)(name)


def _window(kit: Kit, desk: Desk) -> Any:
    import ipywidgets

    labels = {window.label: window for window in WINDOWS}
    made = kit.keep(ipywidgets.ToggleButtons(
        options=tuple(labels), value=desk.choice.window.label, tooltips=[f"The last {each.words}" for each in WINDOWS],
        layout=ipywidgets.Layout(width="auto", margin="0 0 0 12px"),
    ))  # fmt: skip
    made.style.button_width = "5em"
    parts.heard(made, lambda label: desk.choose(window=labels[label]))
    return made


def _header(seen: Seen) -> str:
    """Which server, as of when, and what is wrong."""
    facts, problem = seen.facts, seen.facts.problem or seen.facts.warning
    if not facts.problem and facts.at is not None and seen.silent_s > SILENT_S:
        problem = f"The server has not answered for {wording.duration(seen.silent_s, running=True)}."
    as_of = "" if facts.at is None else f" · as of {wording.clock(facts.at)}"
    mark = f'<b style="color:{palette.HINT.colour}">{palette.HINT.glyph}</b>'
    said = f"{mark} {escape(wording.line(problem, 400))}"
    told = f'<div role="status" style="line-height:24px">{said}</div>'
    return (
        f'<div style="{theme.FONT}"><div style="line-height:30px"><span role="heading" aria-level="2" '
        f'style="font-size:1.25em;font-weight:600">nbqueue</span> <span style="{theme.MUTED}">'
        f"{escape(wording.line(seen.place))}{as_of}</span></div>{told if problem else ''}</div>"
    )
