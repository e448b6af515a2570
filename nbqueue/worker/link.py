"""The line between a supervisor and one engine: words down, signs of life up, and its end means the other is gone."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

#: an engine tells that its loop turns this often
BEAT_S = 0.5
#: how an engine ends whose module cannot be imported: another one would fail as well
EXIT_NO_MODULE = 78
_LIMIT = 2**20


class Link:
    """One end of a socket pair, speaking JSON lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> Link:
        """A link over a connected socket, which it owns from now on."""
        end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LIMIT))

    def say(self, word: str, **facts: Any) -> None:
        """Send a word; a link that is closed swallows it."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"word": word, **facts}).encode() + b"\n")

    async def words(self) -> AsyncIterator[dict[str, Any]]:
        """What the other side says, until it is gone."""
        while True:
            try:
                line = await self._reader.readline()
            except (ConnectionError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
