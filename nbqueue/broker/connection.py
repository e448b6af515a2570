"""The connection to a server: opened lazily, checked once, and clear about what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, overload

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from nbqueue.broker import tls
from nbqueue.broker.address import Address, parse_url
from nbqueue.broker.asking import Pool
from nbqueue.broker.following import FollowingTcp, FollowingTls, SentinelPool
from nbqueue.broker.outage import (
    explain,
    full_passed_over,
    is_connection_error,
    is_read_only,
    speaks_plain,
    speaks_tls,
    was_hung_up,
)
from nbqueue.broker.packing import Packed, TcpConnection, TlsConnection, UnixConnection
from nbqueue.broker.probe import answers_in_the_clear, answers_over_tls
from nbqueue.broker.sentinels import Sentinels
from nbqueue.errors import NbqueueError

__all__ = [
    "Address", "beside", "check_connection", "explain", "is_connection_error", "is_read_only", "open_redis",
    "parse_url", "told_of_tls",
]  # fmt: skip

R = TypeVar("R", bound="Redis")
T = TypeVar("T")

#: redis-py's connections and ours that do the same faster
_PACKING: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: TcpConnection, SSLConnection: TlsConnection, UnixDomainSocketConnection: UnixConnection,
}  # fmt: skip
_RESP2 = 2
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 0.5
#: a TLS handshake still open after this is looked into: a plain server waits for more of it in silence
_HANDSHAKE_S = 0.4


@overload
def open_redis(
    address: Address, *, connect_timeout_s: float = 5.0, socket_timeout_s: float | None = 5.0, name: str = "nbqueue"
) -> Redis: ...


@overload
def open_redis(
    address: Address,
    *,
    connect_timeout_s: float = 5.0,
    socket_timeout_s: float | None = 5.0,
    name: str = "nbqueue",
    redis_class: type[R],
) -> R: ...


def open_redis(
    address: Address,
    *,
    connect_timeout_s: float = 5.0,
    socket_timeout_s: float | None = 5.0,
    name: str = "nbqueue",
    redis_class: type[Redis] = Redis,
) -> Redis:
    """A client that connects on first use and owns its connections: close it with `aclose()`.

    Nothing is retried behind the caller's back; answers are bytes.
    """
    tls.check_files(address)
    options = _options(address, connect_timeout_s, socket_timeout_s, name)
    if address.kind == "inline":
        from nbqueue.broker import inline_server

        inline: Redis = inline_server.client(address, redis_class, options)
        return inline
    if address.kind == "sentinel":
        return _behind_sentinels(address, options, redis_class)
    pool = Pool(connection_class=_connection_class(address), **options, **_place(address))
    client = redis_class(connection_pool=pool)
    client.auto_close_connection_pool = True
    return client


def beside(client: Redis, *, socket_timeout_s: float = 5.0, name: str = "nbqueue") -> Redis:
    """A client of the same server with connections of its own, set up as those of `open_redis`.

    Behind Sentinels, or over a pool of the user's own making, it is the same client.
    """
    pool = client.connection_pool
    if type(pool) not in (ConnectionPool, BlockingConnectionPool, Pool):
        return client
    kind = _PACKING.get(pool.connection_class, pool.connection_class)
    options = {
        **pool.connection_kwargs, "socket_timeout": socket_timeout_s, "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [], "retry_on_timeout": False, "client_name": name, "decode_responses": False,
    }  # fmt: skip
    pool_kind = Pool if issubclass(kind, Packed) else ConnectionPool
    own = Redis(connection_pool=pool_kind(connection_class=kind, **options))
    own.auto_close_connection_pool = True
    return own


async def check_connection(client: Redis, address: Address, *, timeout_s: float = 5.0) -> None:
    """One PING. A server that is just starting is waited for, at most `timeout_s` seconds in all.

    Raises AccessDenied at once for what no waiting mends, and BrokerUnavailable in time for the rest.
    """
    told = await _first_answer(client, address, asyncio.get_running_loop().time() + timeout_s)
    if told is not None:
        raise told


async def _first_answer(client: Redis, address: Address, ends_at: float) -> NbqueueError | None:
    """None once the server answered, or what keeps it from answering."""
    now, wait_s = asyncio.get_running_loop().time, _FIRST_WAIT_S
    while True:
        error = await _ping(client, address, ends_at - now())
        if error is None:
            return None
        if not is_connection_error(error) or now() + wait_s >= ends_at:
            return explain(error, address)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


async def _ping(client: Redis, address: Address, left_s: float) -> BaseException | None:
    """The error of one PING, or None."""
    try:
        async with asyncio.timeout(left_s):
            with full_passed_over():  # a full disk: PING alone of what takes no room is refused
                await told_of_tls(address, client.ping())
    except (RedisError, OSError, NbqueueError) as error:
        return error
    return None


async def told_of_tls(address: Address, answer: Awaitable[T]) -> T:
    """The answer of a server that was never heard of; raises AccessDenied soon where one side alone speaks TLS."""
    match address.kind:
        case "tcp":
            return await _in_the_clear(address, answer)
        case "tls":
            return await _over_tls(address, answer)
        case _:
            return await answer


async def _in_the_clear(address: Address, answer: Awaitable[T]) -> T:
    """A server that wants TLS hangs up on plain speech."""
    try:
        return await answer
    except RedisError as error:
        if not was_hung_up(error) or not await answers_over_tls(address):
            raise
    raise speaks_tls(address)


async def _over_tls(address: Address, answer: Awaitable[T]) -> T:
    """A server that speaks no TLS keeps silent in the handshake, so it is asked in the clear."""
    asked = asyncio.ensure_future(answer)
    try:
        answered, _ = await asyncio.wait({asked}, timeout=_HANDSHAKE_S)
        if not answered and await answers_in_the_clear(address):
            raise speaks_plain(address)
        return await asked
    finally:
        asked.cancel()
        await asyncio.wait({asked})


def _options(address: Address, connect_timeout_s: float, socket_timeout_s: float | None, name: str) -> dict[str, Any]:
    """What all kinds of connections are opened with."""
    return {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": connect_timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "client_name": name,
        "lib_name": None,
        "lib_version": None,
        "protocol": _RESP2,
        "decode_responses": False,
    }


def _connection_class(address: Address) -> type[AbstractConnection]:
    if address.kind == "unix":
        return UnixConnection
    return TlsConnection if address.tls else TcpConnection


def _place(address: Address) -> dict[str, Any]:
    if address.kind == "unix":
        return {"path": address.path}
    return {"host": address.host, "port": address.port, "socket_keepalive": True, **_tls(address)}


def _tls(address: Address) -> dict[str, Any]:
    if not address.tls:
        return {}
    return {
        "ssl_ca_certs": address.ca_file,
        "ssl_certfile": address.cert_file,
        "ssl_keyfile": address.key_file,
        "ssl_check_hostname": address.check_hostname,
    }


def _behind_sentinels(address: Address, options: dict[str, Any], redis_class: type[R]) -> R:
    """A client of whichever server the Sentinels name the master."""
    shared = {**options, "socket_keepalive": True, **_tls(address)}
    own = {
        key: value
        for key, value in shared.items()
        if key not in ("db", "socket_timeout", "socket_connect_timeout", "retry")
    }
    own |= {"username": address.sentinel_username, "password": address.sentinel_password, "tls": address.tls}
    kind = FollowingTls if address.tls else FollowingTcp
    pool = SentinelPool(Sentinels(address.sentinels, address.master, own), connection_class=kind, **shared)
    client = redis_class(connection_pool=pool)
    client.auto_close_connection_pool = True
    return client
