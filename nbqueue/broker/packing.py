"""Connections that pack commands in C (redis-py's own packing takes a third of an engine's time) and lose no cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis import exceptions as redis_errors
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class Packed(_Base):
    """Replaces redis-py's packing of one command."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """The command as the server reads it; a name of two words is sent as two."""
        name = args[0]
        if isinstance(name, str) and " " in name:
            args = (*name.split(), *args[1:])
        return [pack_command(args)]

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True  # noqa: FBT001, FBT002 - redis-py's own
    ) -> None:  # fmt: skip
        """Send. redis-py waits with `asyncio.wait_for`, which before Python 3.12 may swallow a cancel."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        elif check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command(_parts(command))
        except BaseException as error:
            # what was sent in part cannot be taken back
            await self.disconnect(nowait=True)
            if isinstance(error, OSError):
                raise _trouble(error) from error
            raise

    @property
    def is_usable(self) -> bool:
        """Whether it is connected, as far as this side knows."""
        reader = self._reader
        return bool(self.is_connected) and reader is not None and not reader.at_eof() and reader.exception() is None

    def drop(self) -> None:
        """Let go of what the other side has ended."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def exchange(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands and read their replies, with one time limit for all; an error reply stands in its place."""
        try:
            if not self.is_connected:
                await self.connect()  # type: ignore[no-untyped-call]
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([self.pack_command(*command)[0] for command in commands])
                read = cast("Any", self._parser).read_response
                return [await read() for _ in commands]
        except BaseException as error:
            await self.disconnect(nowait=True)
            if isinstance(error, OSError):
                raise _trouble(error) from error
            raise


class TcpConnection(Packed, Connection):
    """A plain connection."""


class TlsConnection(Packed, SSLConnection):
    """A connection over TLS."""


class UnixConnection(Packed, UnixDomainSocketConnection):
    """A unix connection that signs in once; redis-py 5 does it twice and hides why the first failed."""

    async def _connect(self) -> None:
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)


def _parts(command: bytes | str | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(command, str):
        command = command.encode()
    return [command] if isinstance(command, bytes) else command


def _trouble(error: OSError) -> redis_errors.RedisError:
    """An error of the socket as redis-py tells it."""
    if isinstance(error, TimeoutError):
        return redis_errors.TimeoutError("Timeout on the socket")
    number = error.errno or "UNKNOWN"
    return redis_errors.ConnectionError(f"Error {number} on the socket. {error.strerror or error}.")
