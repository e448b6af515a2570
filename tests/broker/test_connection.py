"""The connection: told in time what is wrong, in one sentence, without a secret."""

import asyncio
import signal
import traceback
from pathlib import Path

import pytest
from arq.connections import ArqRedis
from redis import exceptions as redis_errors
from redis.asyncio import Redis

from nbqueue.broker.connection import Address, check_connection, is_connection_error, open_redis, parse_url
from nbqueue.errors import AccessDenied, BrokerUnavailable, ConfigurationError
from tests.broker.contacts import check, free_port, listener, tcp
from tests.servers import running_server
from tests.waiting import SLACK

SECRET = "S3cr3t%40/#"
ENCODED = "S3cr3t%2540%2F%23"


async def test_a_client_answers_bytes_and_has_a_name() -> None:
    """The client connects lazily, speaks RESP2, answers bytes and can be of arq's class."""
    with running_server() as server:
        address = parse_url(server.url)
        client: Redis = open_redis(address, name="nbqueue-test")
        await check_connection(client, address, timeout_s=5)
        assert await client.execute_command("CLIENT", "GETNAME") == b"nbqueue-test"
        assert client.connection_pool.connection_kwargs["protocol"] == 2
        await client.aclose()
        stock = open_redis(address, redis_class=ArqRedis)
        assert (type(stock), await stock.ping()) == (ArqRedis, True)
        await stock.aclose()


async def test_nothing_is_retried_behind_the_callers_back() -> None:
    """A lost connection is told to the caller, who knows whether the command may be sent again."""
    with running_server() as server:
        client = open_redis(parse_url(server.url))
        await client.ping()
        with server.client() as other:
            other.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(redis_errors.ConnectionError) as caught:
            await client.ping()
        assert is_connection_error(caught.value)
        assert await client.ping()
        await client.aclose()


async def test_odd_characters_work_as_a_password() -> None:
    """A password with percent, at, slash and hash signs opens the server, over TCP and over a socket."""
    port = free_port()
    with running_server(port=str(port)) as server:
        with server.client() as client:
            client.config_set("requirepass", SECRET)
        for url in (f"redis://:{ENCODED}@127.0.0.1:{port}/1", f"{server.url}?password={ENCODED}&db=1"):
            assert (await check(parse_url(url)))[0] is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "asks for a password: write it into NBQUEUE_URL"),
        ("?password=wr0ng", "refused the password or user of NBQUEUE_URL: correct them there"),
        ("?username=nobody&password=wr0ng", "refused the password or user of NBQUEUE_URL: correct them there"),
        ("?username=guest&password=pw", "does not allow this to the user of NBQUEUE_URL"),
    ],
    ids=["none", "wrong", "unknown user", "no rights"],
)
@pytest.mark.parametrize("over", ["unix", "tcp"])
async def test_a_refusal_is_told_at_once(over: str, query: str, told: str) -> None:
    """A missing or wrong password and missing rights are told within a second, naming the setting."""
    port = free_port()
    with running_server(port=str(port)) as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "guest", "on", ">pw", "+get", "+client")
            client.config_set("requirepass", SECRET)
        base = server.url if over == "unix" else f"redis://127.0.0.1:{port}"
        address = parse_url(base + query)
        error, took_s = await check(address)
    assert isinstance(error, AccessDenied)
    assert told in str(error)
    assert str(address) in str(error)
    assert "wr0ng" not in "".join(traceback.format_exception(error))
    assert not is_connection_error(error)
    assert took_s < SLACK


async def test_a_password_nobody_asked_for_is_told() -> None:
    """A server without a password refuses one, and the sentence says to take it out."""
    with running_server() as server:
        error, took_s = await check(parse_url(f"{server.url}?password=pw"))
    assert isinstance(error, AccessDenied)
    assert "take the password out of NBQUEUE_URL" in str(error)
    assert took_s < SLACK


async def test_a_database_that_is_not_there_is_told() -> None:
    """A database number over the server's is a matter of the setting, not of the server."""
    with running_server() as server:
        error, took_s = await check(parse_url(f"{server.url}?db=99"))
    assert isinstance(error, ConfigurationError)
    assert str(error) == f"The server at {server.url}?db=99 has no database of that number: end NBQUEUE_URL with /0."
    assert took_s < SLACK


async def test_a_closed_port_is_told_in_time() -> None:
    """Nobody listens: host, port and the last error are told within the time given."""
    port = free_port()
    error, took_s = await check(tcp(port), timeout_s=0.5)
    assert type(error) is BrokerUnavailable
    assert str(error) == (
        f"The server at redis://127.0.0.1:{port}/0 cannot be reached: connection refused. "
        "Check that it runs, and that NBQUEUE_URL names the right place."
    )
    assert took_s < 0.7 * SLACK


async def test_a_missing_socket_is_told_in_time(tmp_path: Path) -> None:
    """There is no socket of that name."""
    error, took_s = await check(parse_url(f"unix://{tmp_path}/none"), timeout_s=0.3)
    assert f"unix://{tmp_path}/none cannot be reached: there is no socket of that name" in str(error)
    assert took_s < 0.5 * SLACK


async def test_a_mute_server_is_told_in_time() -> None:
    """A server that accepts and keeps silent is given up after the time given."""
    with listener() as port:
        error, took_s = await check(tcp(port), timeout_s=0.5)
    assert type(error) is BrokerUnavailable
    assert f"127.0.0.1:{port}/0 cannot be reached: no answer in time" in str(error)
    assert took_s < 0.8 * SLACK


async def test_a_black_hole_is_told_in_time() -> None:
    """An address that answers nothing is given up after the time given."""
    error, took_s = await check(Address(host="192.0.2.1", port=6379), timeout_s=0.5)
    assert isinstance(error, BrokerUnavailable)
    assert "192.0.2.1:6379" in str(error)
    assert took_s < 0.8 * SLACK


async def test_an_unknown_host_is_told_in_time() -> None:
    """A name that cannot be resolved is told as such."""
    error, took_s = await check(Address(host="no-such-host.invalid", port=6379), timeout_s=1.0)
    assert isinstance(error, BrokerUnavailable)
    assert "no-such-host.invalid:6379" in str(error)
    assert took_s < 1.3 * SLACK


async def test_a_stopped_server_is_told_in_time() -> None:
    """A server that was stopped (SIGSTOP) is given up in time, and used again once it goes on."""
    with running_server() as server:
        address = parse_url(server.url)
        server.process.send_signal(signal.SIGSTOP)
        error, took_s = await check(address, timeout_s=0.5)
        assert "no answer in time" in str(error)
        assert took_s < 0.8 * SLACK
        server.process.send_signal(signal.SIGCONT)
        assert (await check(address))[0] is None


async def test_a_server_that_is_just_starting_is_waited_for() -> None:
    """A port that opens while we try is found."""
    port = free_port()
    waiting = asyncio.create_task(check(tcp(port), timeout_s=10))
    await asyncio.sleep(0)
    with running_server(port=str(port)):
        error, _ = await waiting
    assert error is None
