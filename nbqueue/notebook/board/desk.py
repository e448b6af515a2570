"""What the person in front of a dashboard has chosen, selected and asked for; may be used from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from nbqueue.notebook.board.roster import Choice, Page

#: for so long a click on Delete waits for the second one
SURE_S = 6.0
#: an answer is shown so long
SAID_S = 30.0


class Desk:
    """The state of one dashboard that is not the server's."""

    def __init__(self, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Args: called after each change, without a lock; the clock."""
        self._changed = changed
        self._clock = clock
        self._lock = threading.RLock()
        self._selected: dict[str, None] = {}
        self._held: tuple[str, ...] = ()
        self._rows: tuple[str, ...] = ()
        self._said, self._said_at = "", 0.0
        self._armed_at = -SURE_S
        self._touched_at = clock()
        #: what is to be seen
        self.choice = Choice()
        #: grows with each change
        self.version = 0

    @property
    def visible(self) -> Collection[str]:
        """Ids of the rows that were drawn last."""
        return self._rows

    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the selected jobs, in the order of their selection."""
        with self._lock:
            return tuple(self._selected)

    @property
    def held(self) -> tuple[str, ...]:
        """Ids of the rows that keep their places while something is selected."""
        with self._lock:
            return self._held

    @property
    def said(self) -> str:
        """The last answer, for as long as it is news."""
        with self._lock:
            return self._said if self._clock() - self._said_at < SAID_S else ""

    @property
    def is_armed(self) -> bool:
        """Whether the next click on Delete deletes."""
        with self._lock:
            return bool(self._selected) and self._clock() - self._armed_at < SURE_S

    @property
    def idle_s(self) -> float:
        """Seconds since somebody did something."""
        with self._lock:
            return self._clock() - self._touched_at

    def choose(self, **chosen: Any) -> None:
        """See something else, from its first page on."""
        with self._lock:
            wanted = replace(self.choice, **{"page": 0, **chosen})
            if wanted == self.choice:
                return
            if set(chosen) != {"window"}:
                self._held = ()
            else:
                wanted = replace(wanted, page=self.choice.page)
            self.choice = wanted
        self._note()

    def turn(self, step: int) -> None:
        """Another page, so many further on."""
        with self._lock:
            page = max(self.choice.page + step, 0)
        self.choose(page=page)

    def tick(self, row: int, *, on: bool) -> None:
        """Select the job of a row, counted from 0, as it was drawn last; or no longer."""
        with self._lock:
            if row < len(self._rows):
                self._select(self._rows[row : row + 1], on=on)
        self._note()

    def tick_all(self, *, on: bool) -> None:
        """The same with all rows of the page."""
        with self._lock:
            self._select(self._rows, on=on)
        self._note()

    def clear(self) -> None:
        """Nothing is selected any more."""
        with self._lock:
            self._selected, self._held = {}, ()
            self._armed_at = -SURE_S
        self._note()

    def arm(self) -> None:
        """Somebody has clicked Delete once."""
        with self._lock:
            self._armed_at = self._clock()
        self._note()

    def say(self, words: str) -> None:
        """Answer something."""
        with self._lock:
            self._said, self._said_at = words, self._clock()
        self._note()

    def drawn(self, page: Page) -> None:
        """These rows are what is seen now; another page than the last one may be the last there is."""
        with self._lock:
            self._rows = tuple(record.id for record in page.rows)
            self._held = self._rows if self._selected else ()
            if page.number != self.choice.page:
                self.choice = replace(self.choice, page=page.number)

    def _select(self, ids: Collection[str], *, on: bool) -> None:
        for job_id in ids:
            if on:
                self._selected[job_id] = None
            else:
                self._selected.pop(job_id, None)
        # from now on rows stay where they are: what is clicked next is what was seen
        self._held = self._rows if self._selected else ()
        self._armed_at = -SURE_S

    def _note(self) -> None:
        with self._lock:
            self.version += 1
            self._touched_at = self._clock()
        self._changed()
