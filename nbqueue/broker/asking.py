"""Questions to the server, some in one round trip, by a short way: what is asked for every job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import ConnectionPool, Redis

from nbqueue.broker.packing import Packed

#: the words of a command; a name in bytes has redis-py leave the reply as it came
Command = tuple[Any, ...]


class Pool(ConnectionPool):
    """redis-py's pool, and connections beside it for whole exchanges; those are most of what an idle engine does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._resting: list[Packed] = []
        #: counts how often all were closed
        self._closings = 0

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The replies; an error of one command stands in its place."""
        connection, closings = self._connection(), self._closings
        # one that fails, or whose answer is given up, is not used again
        replies = await connection.exchange(commands)
        if closings == self._closings:
            self._resting.append(connection)
        else:
            await connection.disconnect(nowait=True)
        return replies

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own
        """Close all connections."""
        self._closings += 1
        resting, self._resting = self._resting, []
        for connection in resting:
            await connection.disconnect()
        await super().disconnect(inuse_connections)

    def _connection(self) -> Packed:
        while self._resting:
            connection = self._resting.pop()
            if connection.is_usable:
                return connection
            connection.drop()
        made: Packed = self.make_connection()  # type: ignore[no-untyped-call]
        return made


async def ask(client: Redis, *commands: Command) -> list[Any]:
    """The replies to some commands, in one round trip; an error of one stands in its place."""
    if isinstance(client.connection_pool, Pool):
        return await client.connection_pool.ask(commands)
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    found: list[Any] = await pipe.execute(raise_on_error=False)
    return found


async def ask_one(client: Redis, *command: Any) -> Any:
    """The reply to one command; an error is raised."""
    [reply] = await ask(client, command)
    if isinstance(reply, Exception):
        raise reply
    return reply
