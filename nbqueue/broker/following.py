"""Connections that go to whichever server the Sentinels name the primary, and leave it when they name another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from redis import exceptions as redis_errors

from nbqueue.broker.asking import Pool
from nbqueue.broker.packing import Packed, TcpConnection, TlsConnection
from nbqueue.broker.sentinels import Sentinels

logger = logging.getLogger("nbqueue.sentinels")

#: how often they are asked whether there is another primary: a frozen one would be waited for until a time limit
LOOK_S = 0.5

if TYPE_CHECKING:
    _Base = Packed
else:
    _Base = object


class SentinelPool(Pool):
    """Connections to the primary that the Sentinels name."""

    def __init__(self, sentinels: Sentinels, **options: Any) -> None:
        super().__init__(**options, pool=self)
        self._sentinels = sentinels
        #: how many there are
        self.sentinels = sentinels.count
        self._open: WeakSet[Following] = WeakSet()
        #: where the primary is, as far as is known
        self.place: tuple[str, int] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def look(self) -> tuple[str, list[str]]:
        """Where the primary is, and the places of the Sentinels that do not say so."""
        host, port = await self._sentinels.primary()
        return f"{host}:{port}", await self._sentinels.silent()

    async def primary(self, connection: Following) -> tuple[str, int]:
        """Where a connection is to go; from now on it is ended when there is another primary."""
        self._open.add(connection)
        place = await self._sentinels.primary()
        self._go_to(place)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        return place

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own
        """Close all connections, those to the Sentinels included."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.wait({watching})
        await super().disconnect(inuse_connections)
        await self._sentinels.close()

    async def _watch(self) -> None:
        """Ask again and again: who waits for an answer of a frozen primary would not."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self._go_to(await self._sentinels.primary())
            except redis_errors.RedisError as error:
                logger.debug("The Sentinels cannot say where the primary is: %s", error)

    def _go_to(self, place: tuple[str, int]) -> None:
        """End what goes to another place; whoever waits there is told that the connection was lost, and asks again."""
        if self.place not in (None, place):
            logger.warning("The primary is %s:%d now.", *place)
            for connection in list(self._open):
                connection.leave(place)
        self.place = place


class Following(_Base):
    """A connection that asks its pool where to go."""

    def __init__(self, *, pool: SentinelPool, **options: Any) -> None:
        super().__init__(**options)
        self._pool = pool
        #: ends the way there while it is being opened
        self._opening: asyncio.Timeout | None = None

    def leave(self, place: tuple[str, int]) -> None:
        """End it where it goes elsewhere than there."""
        if (self.host, self.port) == place:
            return
        if self._writer is not None:
            self._writer.transport.abort()
        elif self._opening is not None:
            opening, self._opening = self._opening, None
            opening.reschedule(asyncio.get_running_loop().time())

    async def _connect(self) -> None:
        self.host, self.port = await self._pool.primary(self)
        try:
            async with asyncio.timeout(None) as self._opening:
                await super()._connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            if self._is_wanted:
                raise
        finally:
            self._opening = None
        if not self._is_wanted:
            await self.disconnect(nowait=True)
            raise redis_errors.ConnectionError(f"{self.host}:{self.port} is the primary no more")

    @property
    def _is_wanted(self) -> bool:
        """Whether it goes to where the primary is now."""
        return (self.host, self.port) == self._pool.place

    async def exchange(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands and read their replies; one that says the server is a replica now ends the connection."""
        replies = await super().exchange(commands)
        if any(isinstance(reply, redis_errors.ReadOnlyError) for reply in replies):
            await self.disconnect(nowait=True)
        return replies

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """One reply; the same is true of it."""
        try:
            return await super().read_response(*args, **options)
        except redis_errors.ReadOnlyError:
            await self.disconnect(nowait=True)
            raise


class FollowingTcp(Following, TcpConnection):
    """A plain one."""


class FollowingTls(Following, TlsConnection):
    """One over TLS."""
