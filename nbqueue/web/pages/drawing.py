"""Pages and their parts as HTML: a part is drawn once for all who see the same, and sent only where it changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from nbqueue.board import columns, roster
from nbqueue.board.activity import WINDOWS
from nbqueue.board.facts import Facts
from nbqueue.board.roster import Choice, Page
from nbqueue.broker.owners import GROUP
from nbqueue.display import palette, wording
from nbqueue.web.pages import marks, seen, views
from nbqueue.web.pages.followed import Followed, GroupFollowed, JobFollowed
from nbqueue.web.pages.hub import Hub
from nbqueue.web.pages.seen import Seen
from nbqueue.web.pages.views import CHOICE, Kind, View

#: the parts of each page that live
PARTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.BOARD: ("head", "sums", "queues", "workers", "ended", "offers", "jobs", "pager"),
    Kind.JOB: ("head", "card", "result", "log", "facts", "attempts"),
    Kind.GROUP: ("head", "card", "jobs", "pager"),
    Kind.SCHEDULES: ("head", "schedules"),
    Kind.FAILURES: ("head", "failures"),
}
#: those that are the same for whatever was chosen
_SAME = frozenset({"head", "sums", "queues", "workers", "failures", "schedules"})
#: sorted by what stands in a column
SORTED = {"job": "job", "state": "state", "progress": "progress", "time": "running time", "queue": "queue",
          "submitted": "submitted"}  # fmt: skip


class Drawing:
    """Draws the pages of one hub."""

    def __init__(self, hub: Hub, place: str, namespace: str = "", *, read_only: bool) -> None:
        """Args: what is known; which server that is, in words; its namespace; whether nothing can be changed here."""
        self._hub, self._place, self._namespace, self._read_only = hub, place, namespace, read_only
        self._environment = _environment()
        for name in self._environment.list_templates():
            # compiled now, so that the first page need not wait for it
            self._environment.get_template(name)
        self._turn = -1
        self._drawn: dict[object, str] = {}
        self._lock = asyncio.Lock()

    async def parts(self, view: View, followed: Followed | None) -> Mapping[str, str]:
        """The parts of a page as they are now, by name."""
        async with self._lock:
            if self._hub.turn != self._turn:
                self._turn, self._drawn = self._hub.turn, {}
            if any(self._key(view, name) not in self._drawn for name in PARTS[view.kind]):
                drawn, rows = await asyncio.to_thread(self._draw, view, followed)
                self._drawn |= drawn
                if "jobs" in PARTS[view.kind]:
                    self._hub.drawn(view, rows)
            return {name: self._drawn[self._key(view, name)] for name in PARTS[view.kind]}

    def page(self, template: str, **values: Any) -> str:
        """A whole page."""
        return self._environment.get_template(template).render(
            **values, place=self._place, namespace=self._namespace, read_only=self._read_only, Kind=Kind
        )

    def _key(self, view: View, name: str) -> object:
        return name if name in _SAME else (view, name)

    def _draw(self, view: View, followed: Followed | None) -> tuple[dict[object, str], tuple[str, ...]]:
        """The parts that are not drawn yet, and the names of the rows in the table."""
        found = self._seen(view, followed)
        names = [name for name in PARTS[view.kind] if self._key(view, name) not in self._drawn]
        values = {"seen": found, "view": view, "choice": replace(view.choice, page=found.page.number)}
        drawn: dict[object, str] = {
            self._key(view, name): self._environment.get_template(f"parts/{name}.html").render(**values)
            for name in names
        }
        return drawn, tuple(record.id for record in found.page.rows)

    def _seen(self, view: View, followed: Followed | None) -> Seen:
        facts = self._hub.facts
        silent_s = time.monotonic() - facts.heard_s
        now = datetime.now(UTC) if facts.at is None else facts.at + timedelta(seconds=silent_s)
        found = Seen(
            view=view, facts=facts, place=self._place, now=now, silent_s=silent_s, read_only=self._read_only,
            schedules=self._hub.planned.records if self._hub.planned is not None else (),
        )  # fmt: skip
        if "jobs" in PARTS[view.kind]:
            found = replace(found, page=_table(facts, view, self._hub.resolved(view.choice), followed))
        if isinstance(followed, JobFollowed):
            hint = facts.lacks.get(view.id, "")
            return replace(found, card=followed.card(now, hint), record=followed.record, remains=followed.remains)
        if isinstance(followed, GroupFollowed):
            paused = any(each.stats.paused for each in facts.queues if each.stats.name == followed.queue)
            return replace(found, card=followed.card(now, facts.lacks.get(GROUP + view.id, ""), paused=paused))
        return found


def _table(facts: Facts, view: View, choice: Choice, followed: Followed | None) -> Page:
    """The jobs that are shown: those of the server, or of a group all that are listed."""
    if isinstance(followed, GroupFollowed):
        return roster.page(followed.records, replace(choice, folded=False), view.held)
    return roster.page(facts.jobs, choice, view.held, groups=facts.groups)


def _environment() -> Environment:
    """Templates in which every text is escaped unless it was made by `marks`."""
    made = Environment(
        loader=PackageLoader("nbqueue.web", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.globals |= {
        "marks": marks, "columns": columns, "facts_of": seen, "views": views, "wording": wording, "palette": palette,
        "STATES": roster.STATES, "SORTS": roster.SORTS, "ROWS": roster.PAGES, "WINDOWS": WINDOWS, "SORTED": SORTED,
        "GROUP": GROUP, "CHOICE": CHOICE,
    }  # fmt: skip
    made.filters["part_of_path"] = lambda text: quote(str(text), safe="")
    return made
