"""Sentinels that are silent, that were set up anew, and connections that are being opened while the primary moves."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress

import pytest
import redis
from redis import exceptions as redis_errors

from nbqueue.broker.address import parse_url
from nbqueue.broker.connection import open_redis
from nbqueue.broker.following import SentinelPool
from nbqueue.broker.sentinels import ANSWER_S, Sentinels
from tests.broker.contacts import free_port
from tests.sentinels import NAME, Watched, watched_servers
from tests.waiting import SLACK, until


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """A primary, its replica and three Sentinels."""
    with watched_servers() as found:
        yield found


@asynccontextmanager
async def asking(*ports: int) -> AsyncIterator[Sentinels]:
    """The Sentinels at these ports, as one asks them."""
    sentinels = Sentinels([("127.0.0.1", port) for port in ports], NAME, {"tls": False})
    try:
        yield sentinels
    finally:
        await sentinels.close()


@asynccontextmanager
async def pool_behind(watched: Watched) -> AsyncIterator[SentinelPool]:
    """Connections that follow."""
    client = open_redis(parse_url(watched.url))
    try:
        assert isinstance(client.connection_pool, SentinelPool)
        yield client.connection_pool
    finally:
        await client.aclose()


@contextmanager
def frozen(watched: Watched, *which: int) -> Iterator[None]:
    """Some Sentinels keep silent."""
    with ExitStack() as stack:
        for process in (watched.processes[each] for each in which):
            process.send_signal(signal.SIGSTOP)
            stack.callback(process.send_signal, signal.SIGCONT)
        yield


def commands_of(port: int) -> int:
    """How many commands a Sentinel has had, from anybody."""
    with redis.Redis(port=port) as client:
        return int(client.info("stats")["total_commands_processed"])


async def test_connections_that_are_opened_at_once_share_one_question(watched: Watched) -> None:
    """Hundreds of them are few commands to a Sentinel, and one that is cancelled leaves the others their answer."""
    async with asking(*watched.sentinels) as sentinels:
        before = commands_of(watched.sentinels[0])
        first, *others = [asyncio.create_task(sentinels.primary()) for _ in range(500)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [("127.0.0.1", watched.ports[0])] * 499
        assert commands_of(watched.sentinels[0]) - before < 100
        assert first.cancelled()


@pytest.mark.parametrize("which", [(2,), (1, 2)])
async def test_silent_sentinels_keep_nobody_waiting(watched: Watched, which: tuple[int, ...]) -> None:
    """What the others know is enough; the silent ones are named, and heard again when they wake."""
    async with asking(*watched.sentinels) as sentinels:
        with frozen(watched, *which):
            await sentinels.primary()
            began = time.monotonic()
            for _ in range(4 * int(SLACK)):
                assert await sentinels.primary() == ("127.0.0.1", watched.ports[0])
            assert time.monotonic() - began < 2 * ANSWER_S * SLACK
            assert await sentinels.silent() == [f"127.0.0.1:{watched.sentinels[each]}" for each in which]

        async def all_answer() -> bool:
            return await sentinels.silent() == []

        await until(all_answer)


async def test_who_is_alone_is_waited_for(watched: Watched) -> None:
    """Where all kept silent, the first that wakes is asked as before."""
    async with asking(*watched.sentinels) as sentinels:
        with frozen(watched, 0, 1, 2):
            with pytest.raises(redis_errors.ConnectionError, match=r"none of 3 Sentinels answered: 127.* in time"):
                await sentinels.primary()
            looking = asyncio.create_task(sentinels.primary())
            await asyncio.sleep(0)
        assert await looking == ("127.0.0.1", watched.ports[0])


async def test_what_none_of_them_says_is_told_by_the_first_error() -> None:
    """Nobody listens: the sentence says so, and names a place."""
    ports = (free_port(), free_port())
    async with asking(*ports) as sentinels:
        with pytest.raises(redis_errors.ConnectionError) as told:
            await sentinels.primary()
    assert str(told.value).startswith("none of 2 Sentinels answered: Error 111 connecting to 127.0.0.1")


@contextmanager
def hole() -> Iterator[int]:
    """A port that leaves whoever knocks without an answer, as a machine does that is gone."""
    with socket.socket() as deaf, ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            knocking = stack.enter_context(socket.socket())
            knocking.settimeout(0)
            with suppress(BlockingIOError):
                knocking.connect(deaf.getsockname())
        yield int(deaf.getsockname()[1])


async def test_a_connection_that_is_being_opened_leaves_too(watched: Watched) -> None:
    """The way to a machine that is gone ends once there is another primary; what is asked again goes there."""
    async with pool_behind(watched) as pool:
        with hole() as gone:
            watched.monitor(gone)
            asked = asyncio.create_task(pool.ask([("PING",)]))
            await until(lambda: pool.place == ("127.0.0.1", gone))
            watched.monitor(watched.ports[0])
            with pytest.raises(redis_errors.ConnectionError, match=f"127.0.0.1:{gone} is the primary no more"):
                await asked
        assert await pool.ask([("CONFIG", "GET", "port")]) == [[b"port", b"%d" % watched.ports[0]]]


@pytest.fixture
def promoted() -> Iterator[Watched]:
    """Servers whose primary was the replica."""
    with watched_servers() as found:
        found.promote()
        yield found


async def test_sentinels_that_were_set_up_anew_are_believed_again(promoted: Watched) -> None:
    """They know of no fail-over any more: who has seen one says so, and believes most of them two seconds later."""
    first, second = (("127.0.0.1", port) for port in promoted.ports)
    async with asking(*promoted.sentinels) as sentinels:

        async def place() -> tuple[str, int] | str:
            try:
                return await sentinels.primary()
            except redis_errors.ConnectionError as error:
                return str(error)

        async def named(wanted: tuple[str, int]) -> bool:
            return await place() == wanted

        await until(lambda: named(second), 20)
        promoted.monitor(first[1])
        assert await place() == (
            f"3 of 3 Sentinels name 127.0.0.1:{first[1]}, and know nothing of the last fail-over: "
            "they are believed when most of them agree for 2 s"
        )
        await until(lambda: named(first))
