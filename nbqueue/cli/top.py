"""The command that shows the server live in a terminal."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.text import Text

from nbqueue.board import group_row
from nbqueue.board.actions import Actions
from nbqueue.board.facts import Facts
from nbqueue.board.gathering import Gathering
from nbqueue.board.picked import Picked
from nbqueue.board.roster import Choice
from nbqueue.broker.address import parse_url
from nbqueue.cli.reach import with_settings
from nbqueue.cli.screen import job_page
from nbqueue.cli.screen.frame import Size, frame, helping, title
from nbqueue.cli.screen.keyboard import keyboard
from nbqueue.cli.screen.opened import Opened
from nbqueue.cli.screen.seat import FILTERS, Seat
from nbqueue.cli.session import here
from nbqueue.client.session import session
from nbqueue.errors import BrokerUnavailable
from nbqueue.local import stack
from nbqueue.model.job import JobRecord
from nbqueue.model.names import check_queue
from nbqueue.model.settings import Settings

#: how often keys and the size of the terminal are looked at, and how long one frame is waited for
LOOK_S, FIRST_S = 0.1, 10.0
#: rows that a page is
PAGE = 10
#: what a shell says of a process that was told to end
EXIT_TERMINATED = 143
STATES: Mapping[str, str] = {"any": FILTERS[0], "live": FILTERS[1], "failed": FILTERS[2]}
WHEN_DOWN = "The local stack does not run: `nbqueue up` or the next submit starts it."


@click.command()
@click.option("--queue", default="", help="Only this queue.")
@click.option("--state", type=click.Choice(list(STATES)), default="any", show_default=True,
              help="Jobs that are shown first: live ones wait or run, failed ones did not succeed.")  # fmt: skip
@click.option("--once", is_flag=True, help="Print one frame and end; so it is where the output is no terminal.")
@with_settings
def top(settings: Settings, *, queue: str, state: str, once: bool) -> None:
    """Show queues, workers and jobs live, in a terminal.

    Keys: arrows or j and k move, Enter opens the job (of a group its jobs), Esc or q goes back, and q ends it; c
    cancels the job or group and r retries it, once y is pressed; Tab goes to the queues and back, p pauses the queue of
    the row or lets it go on, s shows jobs of other states, ? says the keys.

    Example:
    nbqueue top --queue default
    """
    if queue:
        check_queue(queue)
    seat = Seat(Choice(queue=queue, state=STATES[state]))
    console = Console(highlight=False, soft_wrap=False)
    with here(settings):
        top_ = _Top(settings, seat, console)
        try:
            if once or not console.is_terminal:
                top_.print_one()
            else:
                top_.run()
        finally:
            top_.close()


class _Top:
    """Looks at the server, draws and does what keys ask for."""

    def __init__(self, settings: Settings, seat: Seat, console: Console) -> None:
        self._settings, self._seat, self._console = settings, seat, console
        self._gathering = Gathering(seat, self._is_up, WHEN_DOWN)
        self._actions = Actions(session(), seat.say, self._gathering.wake, self._gathering.forget)
        self._looking: Future[None] = session().call(self._gathering.run)
        self._where = "local stack" if settings.url is None else str(parse_url(settings.url))
        self._opened: Opened | None = None
        self._wide = (console.encoding or "").lower().startswith("utf")

    def print_one(self) -> None:
        """Print one frame, once something is known. Raises BrokerUnavailable where nothing will be."""
        ends_at = time.monotonic() + FIRST_S + self._settings.connect_timeout_s
        while self._gathering.facts.at is None:
            problem = self._gathering.facts.problem
            if problem or time.monotonic() > ends_at:
                raise BrokerUnavailable(problem or f"The server at {self._where} does not answer.")
            time.sleep(LOOK_S / 10)
        for line in self._frame(Size(width=self._console.width, wide=self._wide)):
            self._console.print(line, end="\n", overflow="ignore", no_wrap=True, crop=False)

    def run(self) -> None:
        """Draw until q is pressed."""
        drawn: object = None
        with keyboard() as keys, _ended_by_signals(), Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live:  # fmt: skip
            while True:
                # of the terminal itself: COLUMNS and LINES do not follow it
                self._console.size = ConsoleDimensions(*os.get_terminal_size(sys.stdout.fileno()))
                size = Size(width=self._console.width, height=self._console.height, wide=self._wide)
                # nothing is sent where nothing has changed
                if (state := self._state(size)) != drawn:
                    live.update(Group(*map(_whole, self._frame(size))), refresh=True)
                    drawn = state
                for key in keys.pressed(LOOK_S):
                    if not self._press(key):
                        return

    def close(self) -> None:
        """Ask no more."""
        self._looking.cancel()
        self._look_at("")

    def _state(self, size: Size) -> object:
        facts, sight = self._gathering.facts, None if self._opened is None else self._opened.sight
        return (facts.version, facts.problem, int(_now(facts).timestamp()), self._seat.state, sight, size)

    def _frame(self, size: Size) -> list[Text]:
        facts, seat, now = self._gathering.facts, self._seat, _now(self._gathering.facts)
        head = title(facts, self._where, now, size)
        if seat.helping:
            return helping(seat, size, head)
        if self._opened is not None:
            return job_page.page(self._opened.sight, seat, size, title=head, now=now)
        silent_s = time.monotonic() - facts.heard_s if facts.at is not None else 0.0
        return frame(facts, seat, size, where=self._where, now=now, silent_s=silent_s)

    def _press(self, key: str) -> bool:
        """Do what a key asks for; false where that is to end."""
        seat = self._seat
        if seat.question is not None:
            (_, act), seat.question = seat.question, None
            if key in ("y", "Y"):
                act()
            else:
                seat.say("nothing was done")
        elif seat.helping:
            seat.helping = False
        elif key in _LEAVE:
            was_open = seat.back()
            self._look_at(seat.opened)
            return was_open or key == "escape"
        elif key in _MOVES:
            seat.move(_MOVES[key])
        elif key == "?":
            seat.helping = True
        elif key == "p":
            self._pause()
        elif key in _VERBS and self._row:
            self._ask(_VERBS[key])
        elif not seat.opened:
            self._choose(key)
        return True

    def _choose(self, key: str) -> None:
        """Go somewhere else from the tables."""
        seat = self._seat
        if key == "tab":
            seat.among_queues = not seat.among_queues
        elif key == "s":
            seat.turn_filter()
        elif key == "enter" and self._row:
            seat.open(self._row)
            self._look_at(seat.opened)

    def _look_at(self, job_id: str) -> None:
        """Follow this job from now on, and no other; "" stands for none."""
        if self._opened is not None and self._opened.sight.id != job_id:
            self._opened.close()
            self._opened = None
        if job_id and self._opened is None:
            self._opened = Opened(job_id, session())

    @property
    def _row(self) -> str:
        """The job or group that keys mean; nothing among the queues."""
        seat = self._seat
        return seat.opened or ("" if seat.among_queues else seat.job)

    def _record(self, name: str) -> JobRecord | None:
        """What is known of a job or group."""
        sight = self._opened.sight if self._opened is not None else None
        if sight is not None and sight.job is not None and sight.id == name:
            return sight.job.record
        facts = self._gathering.facts
        return next((each for each in (*facts.jobs, *facts.groups.values()) if each.id == name), None)

    def _pause(self) -> None:
        """Pause the queue of the row, or let it go on."""
        facts, seat = self._gathering.facts, self._seat
        record = self._record(self._row) if self._row else None
        name = record.queue if record is not None else seat.queue if seat.among_queues else ""
        found = next((each.stats for each in facts.queues if each.stats.name == name), None)
        if found is not None:
            (self._actions.resume if found.paused else self._actions.pause)(name)

    def _ask(self, verb: str) -> None:
        """Do something to the job or group of the row, once that is confirmed."""
        row, seat = self._row, self._seat
        record = self._record(row)
        if not group_row.is_group(row) and record is not None and (refusal := job_page.unfit(verb, record)):
            seat.say(refusal)
            return
        picked = Picked([row], session())
        name = (*picked.jobs, *(f"all jobs of group {each}" for each in picked.groups))[0]
        seat.question = (f"{verb} {name}?", lambda: self._actions.act(verb, [row]))

    def _is_up(self) -> bool:
        return self._settings.url is not None or stack.server_is_up(self._settings)


_MOVES: Mapping[str, int] = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -PAGE, "page down": PAGE}
_LEAVE = ("q", "Q", "escape")
_VERBS: Mapping[str, str] = {"c": "Cancel", "r": "Retry"}


def _now(facts: Facts) -> datetime:
    """The server's clock, as it goes on since it was heard of."""
    if facts.at is None:
        return datetime.now(UTC)
    return facts.at + timedelta(seconds=time.monotonic() - facts.heard_s)


def _whole(line: Text) -> Text:
    """A line that is neither wrapped nor folded."""
    found = line.copy()
    found.no_wrap, found.overflow, found.end = True, "crop", "\n"
    return found


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Told to end, or without its terminal, it leaves the terminal as it was."""

    def end(_: int, __: FrameType | None) -> NoReturn:
        sys.exit(EXIT_TERMINATED)

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
