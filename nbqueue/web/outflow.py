"""What a connection still has to send: who takes none of it loses the connection, as closing it waits for that too."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger("nbqueue.web")

#: bytes a second that a reader takes at least while more waits for it
LEAST_BYTES_S = 2_048
#: what the system keeps of a connection besides, so that its looks at it are not far apart and it holds little
KERNEL_BYTES = 131_072


class Outflow:
    """Looks after what one connection has to send, while there is any."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        # so the protocol is told whenever something waits, and not above some size alone
        transport.set_write_buffer_limits(0)
        self._transport = transport
        self._loop = loop
        self._patience_s = patience_s
        self._left_bytes = 0
        self._due: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Something waits to be taken."""
        self.end()
        self._left_bytes = self._transport.get_write_buffer_size()
        self._due = self._loop.call_later(self._patience_s, self._look)

    def end(self) -> None:
        """Nothing waits any more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _look(self) -> None:
        """Go on waiting for a reader that is slow; cut one off that takes next to nothing."""
        taken_bytes = self._left_bytes - self._transport.get_write_buffer_size()
        if taken_bytes >= LEAST_BYTES_S * self._patience_s:
            self.begin()
            return
        self._due = None
        logger.info("an answer was not taken in time: its connection is cut off")
        self._transport.abort()
