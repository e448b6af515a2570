"""Behind Sentinels: connections go to whichever server these name the primary, and leave it when they name another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from nbqueue.broker.asking import Pool
from nbqueue.broker.outage import NotWatched
from nbqueue.broker.packing import Packed, TcpConnection, TlsConnection

logger = logging.getLogger("nbqueue.sentinels")

#: how often they are asked whether there is another primary: a frozen one would be waited for until a time limit
LOOK_S = 0.5
#: how long one of them may take for an answer, as others may know
ANSWER_S = 1.0

if TYPE_CHECKING:
    _Base = Packed
else:
    _Base = object


class Sentinels:
    """The Sentinels of one primary; the one that has seen the latest fail-over is believed."""

    def __init__(self, places: Iterable[tuple[str, int]], name: str, options: dict[str, Any]) -> None:
        kind = TlsConnection if options.pop("tls") else TcpConnection
        limits: dict[str, Any] = {
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": ANSWER_S,
            "retry": Retry(NoBackoff(), 0),
        }
        self._name = name
        self._asked: list[Packed] = [kind(host=host, port=port, **options, **limits) for host, port in places]
        self.count = len(self._asked)
        self._one_by_one = asyncio.Lock()
        self._epoch = -1

    async def primary(self) -> tuple[str, int]:
        """Host and port. Raises redis' ConnectionError where none of them knows one that is up."""
        async with self._one_by_one:
            answers = await asyncio.gather(*map(self._answer, self._asked))
        states = [each for each in answers if isinstance(each, dict) and each["epoch"] >= self._epoch]
        if not states:
            self._check(answers)
            raise redis_errors.ConnectionError(self._why(answers))
        latest = max(states, key=lambda state: state["epoch"])
        if all("down" in state["flags"] for state in states if state["epoch"] == latest["epoch"]):
            raise redis_errors.ConnectionError(f'the Sentinels say that "{self._name}" is down, and name no other yet')
        self._epoch = latest["epoch"]
        place: tuple[str, int] = latest["place"]
        return place

    async def silent(self) -> list[str]:
        """The places of those that do not say now where the primary is."""
        async with self._one_by_one:
            answers = await asyncio.gather(*map(self._answer, self._asked))
        told = zip(self._asked, answers, strict=True)
        return [f"{each.host}:{each.port}" for each, answer in told if not isinstance(answer, dict)]

    async def close(self) -> None:
        """Close the connections to them."""
        for each in self._asked:
            await each.disconnect(nowait=True)

    async def _answer(self, sentinel: Packed) -> dict[str, Any] | redis_errors.RedisError:
        """What one of them knows."""
        try:
            [reply] = await sentinel.exchange([("SENTINEL", "MASTER", self._name)])
        except (redis_errors.RedisError, OSError) as error:
            return error if isinstance(error, redis_errors.RedisError) else redis_errors.ConnectionError(str(error))
        if isinstance(reply, redis_errors.RedisError):
            return reply
        fields = dict(zip((each.decode() for each in reply[::2]), (each.decode() for each in reply[1::2]), strict=True))
        place = (fields["ip"], int(fields["port"]))
        return {"place": place, "flags": fields["flags"], "epoch": int(fields["config-epoch"])}

    def _check(self, answers: Sequence[Any]) -> None:
        """Raise NotWatched where most of them never knew the primary: the URL is wrong."""
        said = [str(each) for each in answers if isinstance(each, redis_errors.ResponseError)]
        if self._epoch >= 0 or 2 * len(said) <= len(answers):
            return
        if any("unknown command" in each for each in said):
            raise NotWatched(
                "it is no Sentinel, but a server itself: write redis:// (rediss://) in NBQUEUE_URL, or name the "
                "Sentinels and their port, mostly 26379"
            )
        if any("No such master" in each for each in said):
            raise NotWatched(
                f'the Sentinels know no "{self._name}": name the primary in NBQUEUE_URL as their `sentinel monitor` '
                "does, redis+sentinel://host:26379/name/0"
            )

    def _why(self, answers: Sequence[Any]) -> str:
        for answer in answers:
            if isinstance(answer, redis_errors.AuthenticationError | redis_errors.NoPermissionError):
                raise answer
            if isinstance(answer, redis_errors.ResponseError):
                return f'the Sentinels know no "{self._name}": {answer}'
        return f"none of {len(answers)} Sentinels answered: {next((each for each in answers if each), '')}"


class SentinelPool(Pool):
    """Connections to the primary that the Sentinels name."""

    def __init__(self, sentinels: Sentinels, **options: Any) -> None:
        super().__init__(**options, pool=self)
        self._sentinels = sentinels
        #: how many there are
        self.sentinels = sentinels.count
        self._open: WeakSet[Following] = WeakSet()
        self._place: tuple[str, int] | None = None
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
        if self._place not in (None, place):
            logger.warning("The primary is %s:%d now.", *place)
            for connection in list(self._open):
                connection.leave(place)
        self._place = place


class Following(_Base):
    """A connection that asks its pool where to go."""

    def __init__(self, *, pool: SentinelPool, **options: Any) -> None:
        super().__init__(**options)
        self._pool = pool

    def leave(self, place: tuple[str, int]) -> None:
        """End it where it goes elsewhere than there."""
        if (self.host, self.port) != place and self._writer is not None:
            self._writer.transport.abort()

    async def _connect(self) -> None:
        self.host, self.port = await self._pool.primary(self)
        await super()._connect()  # type: ignore[no-untyped-call]

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
