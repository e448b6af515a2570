"""A terminal that a test reads: the command in a real pty, and what stands on its screen."""

import sys
from collections.abc import Callable

import pexpect
import pyte

from tests.waiting import wait_until

#: parts of texts that mean harm, none of which may reach a terminal
HOSTILE = (b"\x1b]0;", b"\x1b[31m", b"owned", "\u202e".encode(), "\x9b".encode())


class Terminal:
    """The command `nbqueue` in a terminal of some lines and columns."""

    def __init__(self, *words: str, lines: int = 24, columns: int = 80) -> None:
        self._process = pexpect.spawn(
            sys.executable, ["-m", "nbqueue", *words], dimensions=(lines, columns), timeout=None, echo=True
        )
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        #: all that was sent to it
        self.sent = b""

    @property
    def rows(self) -> list[str]:
        """What stands on it now."""
        self._read()
        return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.rows)

    def cells(self) -> list[tuple[str, bool]]:
        """Each row, and whether it is shown the other way round."""
        rows = self.rows
        return [(row, bool(row) and self._screen.buffer[place][0].reverse) for place, row in enumerate(rows)]

    @property
    def marked(self) -> str:
        """What the row with the cursor begins with; nothing of a frame that is half drawn."""
        return next((text for text, reverse in self.cells() if reverse), "").split(" ")[0]

    def until(self, found: Callable[[str], object], timeout_s: float = 10.0) -> str:
        """What stands on it once that is true of it."""
        wait_until(lambda: found(self.text), timeout_s=timeout_s)
        return self.text

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        self._process.send(keys)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self._process.kill(number)

    def resize(self, lines: int, columns: int) -> None:
        """Make it larger or smaller."""
        self._process.setwinsize(lines, columns)
        self._screen.resize(lines, columns)

    def end(self) -> int:
        """The exit code, once the process has ended."""
        wait_until(self._has_ended, timeout_s=10)
        self._process.close()
        return -1 if self._process.exitstatus is None else int(self._process.exitstatus)

    def close(self) -> None:
        """End the process if it goes on."""
        self._process.close(force=True)

    def _has_ended(self) -> bool:
        self._read()
        return not self._process.isalive()

    def _read(self) -> None:
        while True:
            try:
                found = self._process.read_nonblocking(65536, timeout=0)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self.sent += found
            self._stream.feed(found)
