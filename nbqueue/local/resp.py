"""A small blocking connection to the server's socket: enough to ask how it is, without an event loop."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias


class ErrorReply(Exception):
    """An error that the server answered; `code` is its first word."""

    @property
    def code(self) -> str:
        """The kind of error, for example ``NOAUTH``."""
        return str(self).partition(" ")[0]


Reply: TypeAlias = "bytes | int | list[Reply] | ErrorReply | None"


class Connection:
    """One connection; every wait ends after `timeout_s` with TimeoutError."""

    def __init__(self, place: Path | socket.socket, *, timeout_s: float = 1.0) -> None:
        """Args: the path of a Unix socket, or a socket that is connected; how long an answer may take."""
        self._socket = place if isinstance(place, socket.socket) else socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout_s)
            if not isinstance(place, socket.socket):
                self._socket.connect(str(place))
        except BaseException:
            self._socket.close()
            raise
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; safe to call twice."""
        self._reader.close()
        self._socket.close()

    def fileno(self) -> int:
        """For `select`: readable means that the server went away, as it never speaks first."""
        return self._socket.fileno()

    def exchange(self, *commands: tuple[str, ...]) -> list[Reply]:
        """Send commands in one write; their replies in order, errors among them."""
        self._socket.sendall(b"".join(_packed(command) for command in commands))
        return [self._reply() for _ in commands]

    def all_well(self, *commands: tuple[str, ...]) -> list[Reply]:
        """Send commands in one write; their replies, the first error raised."""
        replies = self.exchange(*commands)
        for reply in replies:
            if isinstance(reply, ErrorReply):
                raise reply
        return replies

    def call(self, *command: str) -> Reply:
        """Send one command; its reply, an error raised."""
        return self.all_well(command)[0]

    def _reply(self) -> Reply:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("The server closed the connection.")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ErrorReply(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise ConnectionResetError(f"The server sent {line[:40]!r}, which is no reply.")

    def _bulk(self, size: int) -> bytes | None:
        if size < 0:
            return None
        data = self._reader.read(size + 2)
        if len(data) < size + 2:
            raise ConnectionResetError("The server closed the connection.")
        return data[:-2]


def text_of(reply: Reply) -> str:
    """A reply that is a text."""
    if not isinstance(reply, bytes):
        raise ConnectionResetError(f"The server sent {reply!r} where a text was expected.")
    return reply.decode(errors="replace")


def _packed(command: tuple[str, ...]) -> bytes:
    parts = [b"*%d\r\n" % len(command)]
    for text in command:
        word = text.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)
