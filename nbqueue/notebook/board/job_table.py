"""The job table as widgets: filters, boxes to tick beside the rows, buttons for what is ticked, opened cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

from nbqueue.board import columns, group_row, own, roster, unlisted
from nbqueue.board.facts import Facts
from nbqueue.board.roster import Page
from nbqueue.display import palette, theme, wording
from nbqueue.notebook.board import exports, grid, parts
from nbqueue.notebook.board.actions import CLEAR, EXPORT, MATCHING, OPEN
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.parts import Kit
from nbqueue.notebook.board.ticks import Ticks

_TOOLTIPS = {
    "Cancel": "Stop the selected jobs",
    "Retry": "Submit the selected jobs that have ended again; of groups those that did not succeed",
    "Promote": "Let the selected jobs that wait start now", "Delete": "Forget the selected jobs; asks once more",
    OPEN: "Show the selected jobs below, with their progress and log", CLEAR: "Select nothing",
    MATCHING: "Select all jobs that the filters are true of, also those that are on no page",
}  # fmt: skip
_ALL = ("all", "")
_UP, _DOWN = "▲ lowest first", "▼ highest first"


class JobTable:
    """Everything from the filters down."""

    def __init__(
        self, kit: Kit, desk: Desk, act: Callable[[str], None], export: Callable[[str], None],
        close_cards: Callable[[], None],
    ) -> None:  # fmt: skip
        self._desk = desk
        self._filters = _Filters(kit, desk)
        self._buttons = {name: kit.button(name, _TOOLTIPS[name], partial(act, name)) for name in _TOOLTIPS}
        self._said = kit.html(flex="1 1 20em", min_width="0", min_height="24px", margin="0 0 0 8px")
        self._ticks = Ticks(kit, desk)
        self._table = kit.table(flex="1 1 0", min_width="0")
        self._rows = kit.row((self._ticks.beside, self._table), flex_flow="row", align_items="flex-start")
        self._most = 0
        self._pager = _Pager(kit, desk)
        self._export = _Export(kit, desk, export)
        self._close_cards = kit.button(
            "Close cards", "Show the cards of jobs no longer", close_cards, align_self="flex-start"
        )
        self._cards = kit.column((), width="100%")
        self.box = kit.column(
            (
                kit.html(grid.heading("Jobs"), margin="6px 0 0"), self._filters.box,
                kit.row([self._buttons[name] for name in _TOOLTIPS if name != MATCHING]),
                kit.row((self._ticks.above, self._buttons[MATCHING], self._said)),
                self._rows, self._pager.box, self._export.box, self._cards,
            ),
            width="100%",
        )  # fmt: skip

    def draw(self, facts: Facts, page: Page, now: datetime, cards: tuple[Any, ...]) -> int:
        """Send what differs; how many messages that took."""
        desk, selected = self._desk, set(self._desk.selected)
        rows = [columns.job(record, now, facts.lacks.get(record.id, "")) for record in page.rows]
        chosen = [place for place, record in enumerate(page.rows) if record.id in selected]
        empty = "None is known so far." if not facts.jobs else "None of the jobs that are known is like that."
        told = grid.table("Jobs", columns.JOBS, rows, chosen=chosen, empty=empty)
        sent = self._filters.draw(facts)
        sent += self._ticks.draw(page.rows, selected)
        sent += parts.put(self._table, value=told) + self._keep_height(len(rows), desk.choice.page_size)
        sent += parts.put(self._buttons["Delete"], description="Sure? Delete" if desk.is_armed else "Delete")
        sent += parts.put(self._said, value=_status(desk, facts, page))
        sent += self._pager.draw(page, facts) + self._export.draw()
        return sent + self._draw_cards(cards)

    def _keep_height(self, rows: int, page_size: int) -> int:
        """What is below does not jump when there are fewer rows for a moment."""
        self._most = min(max(self._most, rows, 3), page_size)
        return parts.put(self._rows.layout, min_height=f"{(self._most + 1) * grid.ROW_PX + 2}px")

    def _draw_cards(self, cards: tuple[Any, ...]) -> int:
        return parts.put(self._cards, children=(*cards, self._close_cards) if cards else ())


class _Filters:
    """What is to be seen, and in which order."""

    def __init__(self, kit: Kit, desk: Desk) -> None:
        import ipywidgets

        self._desk, chosen = desk, desk.choice
        self._text = kit.keep(ipywidgets.Text(
            description="Find", placeholder="name, id, tag, error", style={"description_width": "auto"},
            layout=ipywidgets.Layout(width="16em", margin="1px 8px 1px 0"),
        ))  # fmt: skip
        parts.heard(self._text, lambda text: desk.choose(text=text))
        states = [(_state(words), words) for words in roster.STATES]
        self._state = kit.choice("State", states, chosen.state, lambda words: desk.choose(state=words), "13em")
        self._queue = kit.choice("Queue", (_ALL,), "", lambda name: desk.choose(queue=name), "12em")
        self._function = kit.choice("Function", (_ALL,), "", lambda name: desk.choose(function=name), "15em")
        self._sort = kit.choice(
            "Sort by", tuple(roster.SORTS), chosen.sort, lambda words: desk.choose(sort=words), "13em"
        )
        self._order = kit.keep(ipywidgets.ToggleButton(
            value=chosen.descending, description=_DOWN, tooltip="Turn the order round",
            layout=ipywidgets.Layout(width="9.5em", margin="1px 0"),
        ))  # fmt: skip
        parts.heard(self._order, lambda on: desk.choose(descending=on))
        self._scope = kit.choice(
            "Jobs of",
            (("everybody", False), (own.in_words(), True)),
            chosen.own,
            lambda on: desk.choose(own=on),
            "14em",
        )
        self._folded = kit.labelled_box("groups as one row", lambda on: desk.choose(folded=on), on=chosen.folded)
        self.box = kit.row((
            self._scope, self._text, self._state, self._queue, self._function, self._sort, self._order, self._folded,
        ))  # fmt: skip

    def draw(self, facts: Facts) -> int:
        """Offer the queues and functions there are; what is chosen stays on offer."""
        chosen = self._desk.choice
        queues = {each.stats.name for each in facts.queues} | ({chosen.queue} - {""})
        functions = {*roster.functions(facts.jobs)} | ({chosen.function} - {""})
        sent = parts.put_options(self._queue, _offered(queues), chosen.queue)
        sent += parts.put_options(self._function, _offered(functions), chosen.function)
        return sent + parts.put(self._order, description=_DOWN if chosen.descending else _UP)


class _Pager:
    """Which part of the table is seen."""

    def __init__(self, kit: Kit, desk: Desk) -> None:
        self._desk = desk
        sizes = [(f"{size} rows", size) for size in roster.PAGES]
        self._words = kit.html(margin="0 8px")
        self._size = kit.choice("", sizes, desk.choice.page_size, lambda size: desk.choose(page_size=size), "7em")
        back = kit.button("◄ Previous", "The page before", lambda: desk.turn(-1))
        on = kit.button("Next ►", "The page after", lambda: desk.turn(1))
        self._more = kit.html(margin="0 8px")
        self.box = kit.row((back, on, self._size, self._words, self._more))

    def draw(self, page: Page, facts: Facts) -> int:
        """Say where this is."""
        last = page.start + len(page.rows)
        told = f"{page.start + 1:,} to {last:,} of {page.total:,}" if page.rows else "0 jobs"
        held = " · rows keep their places while some are selected" if page.held else ""
        sent = parts.put(self._words, value=f'<span style="{theme.FONT}">{told}{held}</span>')
        more = f'<span style="{theme.FONT};{theme.MUTED}">{escape(unlisted.words(facts, self._desk.choice))}</span>'
        return sent + parts.put(self._more, value=more) + parts.put(self._size, value=self._desk.choice.page_size)


class _Export:
    """Writes the jobs that the filters are true of to a file."""

    def __init__(self, kit: Kit, desk: Desk, export: Callable[[str], None]) -> None:
        self._desk = desk
        self._words = next(iter(exports.FORMATS))
        self._drawn: exports.Saved | None = None
        choice = kit.choice("Export as", tuple(exports.FORMATS), self._words, self._choose, "12em")
        tooltip = "Write all jobs that the filters are true of to a file in the notebook's folder"
        button = kit.button(EXPORT, tooltip, lambda: export(self._words))
        self._link = kit.html(margin="0 8px", flex="1 1 20em", min_width="0")
        self.box = kit.row((choice, button, self._link))

    def draw(self) -> int:
        """Say where the last file is."""
        saved = self._desk.saved
        if saved is self._drawn or saved is None:
            return 0
        self._drawn = saved
        return parts.put(self._link, value=exports.link(saved))

    def _choose(self, words: str) -> None:
        self._words = words


def _state(words: str) -> str:
    """Words of a state with its glyph."""
    states = roster.STATES[words]
    looks = [palette.STATES[state] for state in states]
    return f"{looks[0].glyph} {words}" if len(looks) == 1 else words


def _offered(names: set[str]) -> tuple[tuple[str, str], ...]:
    """Options for names, each on a line that harms nobody and no two alike."""
    found: dict[str, str] = {}
    for name in sorted(names):
        found[wording.line(name, 80)] = name
    return (_ALL, *found.items())


def _selected(names: Sequence[str], facts: Facts, page: Page) -> str:
    """How much is selected, in words, and how much of it cannot be seen here."""
    jobs, seen = group_row.jobs_of(names, facts.groups), {record.id for record in page.rows}
    elsewhere = sum(name not in seen for name in names)
    groups = f", {jobs:,} jobs with those of groups" if any(map(group_row.is_group, names)) else ""
    unseen = f", {elsewhere:,} of them not on this page" if elsewhere else ""
    return f"{len(names):,} selected{groups}{unseen}"


def _status(desk: Desk, facts: Facts, page: Page) -> str:
    """What is selected, and how the last request went."""
    names = desk.selected
    count = _selected(names, facts, page) if names else "Tick the boxes of jobs to act on them"
    told = " · ".join(part for part in (count, desk.said) if part)
    return (
        f'<div role="status" aria-live="polite" aria-atomic="true" title="{escape(told)}" style="{theme.FONT};'
        f'line-height:24px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap">{escape(told)}</div>'
    )
