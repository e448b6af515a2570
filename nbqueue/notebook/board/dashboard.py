"""`nbqueue.dashboard()`: the server live in a notebook, or as a page of its own."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nbqueue.board import group_row, roster
from nbqueue.board.acts import JOBS
from nbqueue.board.facts import Facts
from nbqueue.board.gathering import Gathering
from nbqueue.board.picked import counted
from nbqueue.broker.address import parse_url
from nbqueue.client.session import Session, session
from nbqueue.model import durations
from nbqueue.model.durations import Duration
from nbqueue.notebook import publish, server
from nbqueue.notebook.board import snapshot
from nbqueue.notebook.board.actions import CLEAR, MATCHING, OPEN, Searches
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.opened import Opened
from nbqueue.notebook.board.shown import Shown
from nbqueue.notebook.outputs import Outputs
from nbqueue.notebook.publish import Place, place
from nbqueue.notebook.ticker import shared

if TYPE_CHECKING:
    from nbqueue.notebook.board.panel import Panel

#: how long the first facts are waited for before the dashboard is shown, and how often it is looked for them
FIRST_S, LOOK_S = 2.0, 0.01
#: failures in a row after which a dashboard is left as it is
PATIENCE = 10

_log = logging.getLogger(__name__)
#: loaded with the first card of a job
_CARDS = "nbqueue.notebook.widgets"
_shown: Shown[Dashboard] = Shown()


class Dashboard:
    """Queues, workers and jobs of one server. At the end of a cell it is shown; `close()` ends it.

    It is live in one cell at a time, the last that shows it; the others have plain tables.
    """

    def __init__(self, of: Session, close_after_s: float = math.inf) -> None:
        self._session = of
        #: seconds without a click after which it closes
        self.close_after_s = close_after_s
        self._lock = threading.RLock()
        self._desk = Desk(self._ask_again)
        self._gathering = Gathering(self._desk, self._is_up, server.NOT_RUNNING)
        self._looking: Future[None] | None = None
        self._opened = Opened(of, self._desk.say)
        self._actions = Searches(of, self._desk.say, self._gathering.wake, self._gathering.forget)
        self._panel: Panel | None = None
        self._outputs = Outputs()
        self._drawn: object = None
        self._failures = 0
        self._closing = False
        #: whether it is closed, and its last state shown
        self.over = False

    @property
    def facts(self) -> Facts:
        """What is known of the server now."""
        return self._gathering.facts

    @property
    def is_open(self) -> bool:
        """Whether it goes on, or has not begun."""
        with self._lock:
            return not (self._closing or self.over or (self._looking is not None and self._is_ending()))

    def serves(self, of: Session) -> bool:
        """Whether it is a dashboard of the same server, asked in the same way."""
        mine = self._session
        return of is mine or (of.settings == mine.settings and of.portal is mine.portal)

    def show(self) -> None:
        """Show it below the running cell; where it was shown before, plain tables stay."""
        where = place()
        if where in (Place.TERMINAL, Place.FINAL_LINE):
            sys.stdout.write(f"{self._snapshot()['text/plain']}\n")
        elif where is Place.WIDGETS and self.is_open:
            self._show_live()
        else:
            publish.publish(self._snapshot())

    def close(self) -> None:
        """Ask the server no more, and leave what is shown as it is now."""
        self._closing = True
        if self._looking is not None:
            self._looking.cancel()
        self._opened.close()
        if self._panel is None:
            self.over = True

    def redraw(self) -> int:
        """Send what changed since the last time; how many messages that took. For the ticker."""
        with self._lock:
            if self.over:
                return 0
            try:
                sent = self._end() if self._is_ending() else self._draw()
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - whatever it is, a picture stops nothing else
                return self._fail(error)
            return sent

    def end(self) -> None:
        """Close it here and now."""
        with self._lock:
            if not self.over:
                self.close()
                self.redraw()
            self.over = True

    def forget(self) -> None:
        """Take away what is left of one that has ended, but for what is saved."""
        with self._lock:
            self._opened.sweep()
            if self._panel is not None:
                self._panel.close()

    def _show_live(self) -> None:
        _shown.add(self, self._session)
        self._look()
        with self._lock:
            if self._outputs.shown:
                self._leave(self._outputs)
                self._outputs = Outputs()
            panel = self._panel = self._panel or self._made()
            live = panel.move(self._outputs.hides)
            self._draw()
            self._outputs.show(self._picture(), live)
            self._desk.touch()
        shared.add(self)

    def _made(self) -> Panel:
        from nbqueue.notebook.board.panel import Clicks, Panel  # ipywidgets is heavy

        return Panel(self._desk, Clicks(
            act=self._act, pause=self._actions.pause, resume=self._actions.resume, close_cards=self._opened.close,
            close=self.close, export=lambda words: self._actions.export(self._desk.choice, words, self._desk.offer),
        ))  # fmt: skip

    def _snapshot(self) -> publish.Bundle:
        """The tables as of now; asks, but neither starts anything nor goes on."""
        if not (self._closing or self.over) and self._is_up():
            self._look()
            if self._panel is None:
                self.close()
        elif self.facts.at is None:
            return snapshot.bundle(Facts(problem=server.NOT_RUNNING), self._where())
        return snapshot.bundle(self.facts, self._where())

    def _look(self) -> None:
        """Begin to look at the server, and wait for the first facts, though not for long."""
        if self._looking is None:
            self._looking = self._session.call(self._gathering.run)
        began = time.monotonic()
        while not (self.facts.version or self._looking.done()) and time.monotonic() - began < FIRST_S:
            time.sleep(LOOK_S)

    def _act(self, name: str) -> None:
        """A click on a button for selected jobs."""
        ids = self._desk.selected
        if name == CLEAR:
            self._desk.clear()
        elif name == MATCHING:
            self._actions.find(self._desk.choice, lambda found: self._desk.tick(found, on=True))
        elif not ids:
            self._desk.say("nothing is selected")
        elif name == OPEN:
            self._opened.open(ids)
        elif name == "Delete" and not self._desk.is_armed:
            jobs = counted(group_row.jobs_of(ids, self.facts.groups), "job")
            self._desk.say(f"press it again to forget {jobs} for good")
            self._desk.arm()
        elif name in JOBS:
            self._actions.act(name, ids)
            self._desk.clear()

    def _draw(self) -> int:
        facts, silent_s = self.facts, time.monotonic() - self.facts.heard_s
        now = datetime.now(UTC) if facts.at is None else facts.at + timedelta(seconds=silent_s)
        sent = self._opened.redraw()
        cards = self._opened.boxes
        moment = (facts.version, facts.problem, self._desk.version, self._desk.said, self._desk.is_armed)
        heard = self._panel.presses if self._panel is not None else 0
        drawn = (*moment, int(now.timestamp()), cards, heard)
        if self._outputs.is_due:
            sent += self._outputs.save(self._picture())
        if drawn == self._drawn or self._panel is None:
            return sent
        from nbqueue.notebook.board.panel import Seen

        choice = self._desk.choice
        page = roster.page(facts.jobs, choice, self._desk.held, groups=facts.groups, own=facts.own)
        self._desk.drawn(page, choice)
        self._drawn = drawn
        seen = Seen(facts=facts, page=page, now=now, silent_s=silent_s, place=self._where(), cards=cards)
        sent += self._panel.draw(seen)
        self._opened.sweep()
        return sent

    def _is_ending(self) -> bool:
        gone = self._panel is not None and self._panel.is_closed
        gone = gone or self._desk.idle_s > self.close_after_s
        return self._closing or gone or self._looking is None or self._looking.done()

    def _end(self) -> int:
        """Leave plain tables where the widgets were."""
        self.over = True
        self.close()
        sent = self._leave(self._outputs)
        if self._panel is not None and not self._panel.is_closed:
            self._panel.leave(self._picture()["text/html"])
        self._opened.sweep()
        return sent

    def _leave(self, outputs: Outputs) -> int:
        return outputs.save(self._picture()) + outputs.leave()

    def _picture(self) -> publish.Bundle:
        """The tables as they are now."""
        return snapshot.bundle(self.facts, self._where(), self._desk.choice)

    def _fail(self, error: Exception) -> int:
        self._failures += 1
        if self._failures == 1:
            _log.warning("The dashboard could not be drawn; nothing else is affected.", exc_info=error)
        if self._failures >= PATIENCE:
            self.over = True
            self.close()
        return 0

    def _ask_again(self) -> None:
        self._gathering.wake()

    def _is_up(self) -> bool:
        return server.is_up(self._session.settings)

    def _where(self) -> str:
        """The server in words, without its password."""
        settings = self._session.settings
        return "local stack" if settings.url is None else str(parse_url(settings.url))

    def _ipython_display_(self) -> None:
        self.show()

    def __repr__(self) -> str:
        return f"<Dashboard of {self._where()}, {'closed' if self._closing or self.over else 'open'}>"


def dashboard(*, close_after: Duration | None = None) -> Dashboard:
    """The queues, workers and jobs of the server, live: shown at the end of a cell, or by `show()`.

    Nothing is started for it. There is one: where it is shown already it moves to the newest cell, as it is. `close()`
    ends it and leaves plain tables.

    Args:
        close_after: how long without a click until it closes by itself, for example "1h"; None: it does not.
    """
    of = session()
    close_after_s = math.inf if close_after is None else durations.seconds(close_after, "close_after")
    if (found := _shown.of(of)) is None:
        return Dashboard(of, close_after_s)
    found.close_after_s = close_after_s
    return found


def close_all() -> None:
    """Close those that are open, and take all widgets away; plain tables stay."""
    shared.drop(_shown.clear())
    if (cards := sys.modules.get(_CARDS)) is not None:
        cards.close_shared()
