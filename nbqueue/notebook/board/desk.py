"""What the person in front of a dashboard has chosen, selected and asked for; may be used from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from nbqueue.board.roster import Choice, Page
from nbqueue.notebook.board.exports import Saved

#: for so long a click on Delete waits for the second one
SURE_S = 6.0
#: an answer is shown so long
SAID_S = 30.0


class Desk:
    """The state of one dashboard that is not the server's."""

    def __init__(self, asks: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Args: called, without a lock, when something else is to be asked of the server; the clock."""
        self._asks = asks
        self._clock = clock
        self._lock = threading.RLock()
        self._selected: dict[str, None] = {}
        self._held: tuple[str, ...] = ()
        self._rows: tuple[str, ...] = ()
        self._rows_of: Choice | None = None
        self._said, self._said_at = "", 0.0
        self._armed_at = -SURE_S
        self._touched_at = clock()
        #: what is to be seen
        self.choice = Choice()
        #: the file that was exported last
        self.saved: Saved | None = None
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
            asks = (wanted.queue, wanted.window, wanted.own) != (self.choice.queue, self.choice.window, self.choice.own)
            self.choice = wanted
        self._note()
        if asks:
            self._asks()

    def turn(self, step: int) -> None:
        """Another page, so many further on."""
        with self._lock:
            page = max(self.choice.page + step, 0)
        self.choose(page=page)

    def tick(self, ids: Collection[str], *, on: bool) -> None:
        """Select jobs, or no longer."""
        with self._lock:
            for job_id in ids:
                if on:
                    self._selected[job_id] = None
                else:
                    self._selected.pop(job_id, None)
            self._hold()
            self._armed_at = -SURE_S
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

    def offer(self, saved: Saved) -> None:
        """Show where a file is."""
        with self._lock:
            self.saved = saved
        self._note()

    def touch(self) -> None:
        """Somebody does something here."""
        with self._lock:
            self._touched_at = self._clock()

    def drawn(self, page: Page, choice: Choice) -> None:
        """These rows of a choice are what is seen now; where its page is not there, the last there is was drawn."""
        ids = tuple(record.id for record in page.rows)
        with self._lock:
            shown = replace(choice, page=page.number)
            # somebody wants to see them who has not waited for the next look: there may be more to know of them
            asks = shown != self._rows_of and not set(ids) <= set(self._rows)
            self._rows, self._rows_of = ids, shown
            # what somebody chose while this was drawn stays chosen
            if choice == self.choice:
                self.choice = shown
                self._hold()
        if asks:
            self._asks()

    def _hold(self) -> None:
        """While something is selected rows keep their places; not those of what was chosen before."""
        of = self._rows_of and replace(self._rows_of, window=self.choice.window)
        self._held = self._rows if self._selected and of == self.choice else ()

    def _note(self) -> None:
        with self._lock:
            self.version += 1
            self._touched_at = self._clock()
