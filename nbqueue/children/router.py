"""A text stream that gives each job its own prints where many jobs share a process."""

from __future__ import annotations

import io
from typing import TextIO

from nbqueue.inside.context import current


class Router(io.TextIOBase):
    """Sends what is written to the log of the writing code's job; outside of jobs to the stream behind it."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, behind: TextIO) -> None:
        super().__init__()
        self._behind = behind

    @property
    def behind(self) -> TextIO:
        """The stream behind."""
        return self._behind

    @property
    def buffer(self) -> object:
        """The bytes behind: they belong to no job."""
        return self._behind.buffer

    def write(self, text: str) -> int:
        """Add to the log of the job that the calling code belongs to."""
        job = current()
        if job is None:
            return self._behind.write(text)
        job.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what code outside of jobs has written."""
        self._behind.flush()

    def fileno(self) -> int:
        """The descriptor behind: what is written there belongs to no job."""
        return self._behind.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Stay open: the stream is shared."""
