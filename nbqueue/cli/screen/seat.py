"""What the person in front of the terminal sees and has asked for; told by other threads what became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from nbqueue.board import group_row
from nbqueue.board.roster import Choice

#: states that are shown, in the order of the key
FILTERS = ("any state", "waiting or running", "did not succeed")
#: an answer is shown so long
SAID_S = 15.0


class Seat:
    """Which rows are shown, where the cursor is, and what is to be answered."""

    def __init__(self, choice: Choice, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: what is to be seen; the clock."""
        self._clock = clock
        self._lock = threading.Lock()
        self._said, self._said_at = "", 0.0
        #: that the cursor has left the page below (1) or above (-1)
        self._turned = 0
        #: what is to be seen
        self.choice = choice
        #: ids of the jobs that were drawn last, and names of the queues
        self.visible: tuple[str, ...] = ()
        self.queues: tuple[str, ...] = ()
        #: whether the cursor is among the queues
        self.among_queues = False
        #: the row with the cursor, in each of the two
        self.job = self.queue = ""
        #: what is asked, and what is done where the answer is yes
        self.question: tuple[str, Callable[[], None]] | None = None
        #: how many rows further down the list of jobs begins
        self.start = 0
        #: the job that is open, and how many lines of it are above the screen; and the most these may be
        self.opened = ""
        self.scroll = self.scrolls = 0
        #: the group whose jobs are listed, and row and place of the list that was left for it
        self.group = ""
        self._left: tuple[str, int] = "", 0
        #: whether the keys are told in full
        self.helping = False

    @property
    def said(self) -> str:
        """The last answer, for as long as it is news."""
        with self._lock:
            return self._said if self._clock() - self._said_at < SAID_S else ""

    @property
    def state(self) -> object:
        """All of it: a frame is another one when this is."""
        asked = self.question[0] if self.question is not None else ""
        place = (self.opened, self.scroll, self.group, self.helping)
        return (self.choice, self.job, self.queue, self.among_queues, self.start, *place, asked, self.said)

    def say(self, sentence: str) -> None:
        """Show an answer. From any thread."""
        with self._lock:
            self._said, self._said_at = sentence, self._clock()

    def drawn(self, queues: Sequence[str], jobs: Sequence[str]) -> None:
        """These rows are shown; a cursor whose row is gone goes to the first."""
        self.queues, self.visible = tuple(queues), tuple(jobs)
        if self.queue not in self.queues:
            self.queue = self.queues[0] if self.queues else ""
        if self._turned and self.visible:
            self.job = self.visible[-1 if self._turned > 0 else 0]
        elif self.job not in self.visible:
            self.job = self.visible[0] if self.visible else ""
        self._turned = 0

    def move(self, step: int) -> None:
        """The cursor, or what is open, goes so many rows down, as far as there are any."""
        if self.opened:
            self.scroll = min(max(self.scroll + step, 0), self.scrolls)
            return
        rows, row = (self.queues, self.queue) if self.among_queues else (self.visible, self.job)
        if not rows:
            return
        place = (rows.index(row) if row in rows else 0) + step
        last = min(max(place, 0), len(rows) - 1)
        if self.among_queues:
            self.queue = rows[last]
            return
        self.job = rows[last]
        self.start = max(self.start + place - last, 0)
        self._turned = place - last

    def open(self, row: str) -> None:
        """Look at a job, or at the jobs of a group."""
        self.say("")
        if group_row.is_group(row):
            self._left, self.group = (row, self.start), group_row.group_of(row)
            self.start, self.job = 0, ""
        else:
            self.opened, self.scroll = row, 0

    def back(self) -> bool:
        """Leave what was opened last; false where nothing is."""
        self.say("")
        if self.opened:
            self.opened = ""
        elif self.group:
            self.group, (self.job, self.start) = "", self._left
        else:
            return False
        return True

    def turn_filter(self) -> None:
        """Show jobs of the next states."""
        place = FILTERS.index(self.choice.state) if self.choice.state in FILTERS else -1
        self.choice = replace(self.choice, state=FILTERS[(place + 1) % len(FILTERS)])
        self.start = 0
