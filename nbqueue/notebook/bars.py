"""The bars of everything that a script or a console waits for at the moment, on one display."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import ExitStack

from rich.console import Console
from rich.text import Text

from nbqueue.client.selection import Selection
from nbqueue.display import text
from nbqueue.notebook import terminal
from nbqueue.notebook.publish import Place, place, shell
from nbqueue.notebook.sources import Source, wait_for_end
from nbqueue.notebook.work import Work


class Bars:
    """One display for all that is waited for at once; it ends with the last of them, or with the cell."""

    def __init__(self, console: Console | None = None) -> None:
        # bars go where errors go: a script's own output stays clean
        self._console = console or Console(stderr=True)
        self._lock = threading.RLock()
        self._shown: set[str] = set()
        self._board: terminal.Board | None = None
        self._display = ExitStack()

    def show(self, work: Work) -> None:
        """Show its bar until it is settled; where only ends are wanted, its last line then."""
        with self._lock:
            self._shown.add(work.id)
            if place() is Place.FINAL_LINE:
                return
            if self._board is None:
                self._board = self._open()
            self._board.add(work)

    def display(self, work: Work | Selection) -> None:
        """Print what stands for a handle at the end of a cell: one line; of many found jobs, a line each."""
        if isinstance(work, Selection):
            self._console.print(Text(repr(work)), soft_wrap=True)
        else:
            self._print(work, Source.wait_until_known)

    def settle(self, work: Work) -> None:
        """Nobody waits for it any more; the last one ends the display."""
        with self._lock:
            if work.id not in self._shown:
                return
            self._shown.discard(work.id)
            if place() is Place.FINAL_LINE:
                self._print(work, wait_for_end)
            elif not self._shown:
                self.stop()

    def stop(self, *_: object) -> None:
        """End the display and give the terminal back as it was."""
        with self._lock:
            self._board = None
            self._shown.clear()
            self._display.close()

    def _open(self) -> terminal.Board:
        """Begin a display that gives the terminal back also when a wait is interrupted."""
        atexit.register(self.stop)
        self._display.callback(atexit.unregister, self.stop)
        if (interactive := shell()) is not None:
            interactive.events.register("post_run_cell", self.stop)
            self._display.callback(interactive.events.unregister, "post_run_cell", self.stop)
        return self._display.enter_context(terminal.show([], console=self._console))

    def _print(self, work: Work, wait: Callable[[Source], None]) -> None:
        source = Source(work)
        try:
            wait(source)
            shown = text.one_line(source.view(), ascii_only=not terminal.draws_unicode(self._console))
            self._console.print(Text(shown), soft_wrap=True)
        finally:
            source.close()
