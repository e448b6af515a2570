"""Live bars in a terminal, and plain lines where the output is no terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from nbqueue.display import text
from nbqueue.display.view import CardView
from nbqueue.notebook import rows
from nbqueue.notebook.sources import Source, wait_for_end
from nbqueue.notebook.work import Work

#: drawings a second
RATE = 5
#: lines of the terminal left to what the script prints
SPARE_LINES = 2

_log = logging.getLogger(__name__)


@contextmanager
def show(works: Iterable[Work], *, console: Console | None = None) -> Iterator[Board]:
    """Show jobs and groups while the block runs: bars on a terminal, else one line per change of state.

    What is shown never touches the jobs: leaving the block only ends the display.
    """
    console = console or Console(stderr=True)
    board = Board(works, ascii_only=not draws_unicode(console))
    try:
        with _bars(board, console) if console.is_terminal else _lines(board, console):
            yield board
            board.wait_for_ends()
    finally:
        board.close()


def draws_unicode(console: Console) -> bool:
    """Whether the console's encoding has our glyphs."""
    return console.encoding.lower().startswith("utf")


class Board:
    """All cards of one display; rich draws it anew each time."""

    def __init__(self, works: Iterable[Work], *, ascii_only: bool = False) -> None:
        self._sources = [Source(work) for work in works]
        self._ascii_only = ascii_only
        self._said: dict[int, tuple[str, str]] = {}
        self._warned = False

    def add(self, work: Work) -> None:
        """Show one more job or group from now on."""
        self._sources = [*self._sources, Source(work)]

    def views(self) -> list[CardView]:
        """The cards as they are now; one that cannot be drawn is left out, with one warning."""
        found = []
        for source in self._sources:
            try:
                found.append(source.view())
            except Exception:  # noqa: BLE001 - whatever it is, a bar never touches its job
                self._warn()
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(options.size.height - SPARE_LINES, 1)
        yield from rows.screen(self.views(), options.max_width, room, ascii_only=self._ascii_only)

    def changes(self) -> list[str]:
        """One line for each card whose state is another than when this was last asked, or that has a new hint."""
        found = []
        for index, view in enumerate(self.views()):
            word, hint = self._said.get(index, ("", ""))
            if word != view.look.word or (view.hint and view.hint != hint):
                self._said[index] = (view.look.word, view.hint)
                found.append(text.one_line(view, ascii_only=self._ascii_only))
        return found

    def wait_for_ends(self) -> None:
        """Let ends that were told come in, so that the last drawing shows them."""
        wait_for_end(*self._sources)

    def close(self) -> None:
        """Stop following."""
        for source in self._sources:
            source.close()

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("A bar could not be drawn; its job is not affected.", exc_info=True)


@contextmanager
def _bars(board: Board, console: Console) -> Iterator[None]:
    with Live(board, console=console, refresh_per_second=RATE):
        yield


@contextmanager
def _lines(board: Board, console: Console) -> Iterator[None]:
    over = threading.Event()

    def write() -> None:
        for row in board.changes():
            console.print(Text(row), soft_wrap=True)

    def follow() -> None:
        while not over.wait(1 / RATE):
            write()

    thread = threading.Thread(target=follow, name="nbqueue-lines", daemon=True)
    write()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        write()
