"""What an error of the server means: one of ours, in one sentence, without a secret."""

from typing import Any

import pytest
from redis import exceptions as redis_errors

from nbqueue.broker.connection import explain, is_connection_error, open_redis, parse_url
from nbqueue.errors import AccessDenied, BrokerUnavailable, NbqueueError, StoreFull
from tests.broker.contacts import free_port
from tests.servers import running_server

SECRET = "S3cr3t%40/#"
ENCODED = "S3cr3t%2540%2F%23"


async def test_a_full_server_is_told() -> None:
    """Out of memory is a matter of its own: nothing was stored, and no other connection would help."""
    with running_server() as server:
        address = parse_url(server.url)
        client: Any = open_redis(address)
        await client.config_set("maxmemory", 1)
        with pytest.raises(redis_errors.RedisError) as caught:
            await client.set("key", "value")
        with pytest.raises(redis_errors.RedisError) as in_script:
            await client.eval("return redis.call('SET', KEYS[1], 1)", 1, "key")
        with pytest.raises(redis_errors.RedisError) as in_pipeline:
            await client.pipeline(transaction=False).set("key", "value").execute()
        await client.aclose()
    for error in (caught.value, in_script.value, in_pipeline.value):
        told = explain(error, address)
        assert type(told) is StoreFull
        assert "out of memory, and nothing was stored" in str(told)
        assert not is_connection_error(error)


async def test_a_replica_is_told() -> None:
    """Writing to a read-only replica says so, and is worth another try after a fail-over."""
    with running_server() as server:
        address = parse_url(server.url)
        client: Any = open_redis(address)
        await client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
        with pytest.raises(redis_errors.RedisError) as caught:
            await client.set("key", "value")
        await client.aclose()
    assert "read-only replica" in str(explain(caught.value, address))
    assert is_connection_error(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "again"),
    [
        (redis_errors.ConnectionError("Connection closed by server."), BrokerUnavailable, True),
        (redis_errors.TimeoutError("Timeout reading"), BrokerUnavailable, True),
        (redis_errors.BusyLoadingError("Redis is loading"), BrokerUnavailable, True),
        (redis_errors.ResponseError("MISCONF Errors writing to the AOF file"), StoreFull, False),
        (redis_errors.ResponseError("WRONGTYPE Operation"), BrokerUnavailable, False),
        (redis_errors.ResponseError("MASTERDOWN Link"), BrokerUnavailable, True),
        (TimeoutError(), BrokerUnavailable, True),
        (ConnectionResetError(104, "Connection reset by peer"), BrokerUnavailable, True),
        (PermissionError(13, "Permission denied"), AccessDenied, False),
        (redis_errors.AuthenticationError("Authentication required."), AccessDenied, False),
        (StoreFull("full"), StoreFull, False),
        (ValueError("something else"), BrokerUnavailable, False),
    ],
)
def test_errors_have_a_meaning(error: BaseException, kind: type[NbqueueError], again: bool) -> None:  # noqa: FBT001
    """Each error becomes one of ours, and it is known whether trying again is worth it."""
    assert type(explain(error, "redis://host")) is kind
    assert is_connection_error(error) is again


def test_an_explanation_holds_no_secret() -> None:
    """Neither the URL given nor a message that repeats it puts a password into the sentence."""
    url = f"redis://:{ENCODED}@host:1/0"
    for address in (url, parse_url(url), "the server", SECRET):
        told = str(explain(redis_errors.ConnectionError(f"Error 1 connecting with {SECRET}"), parse_url(url)))
        told += str(explain(OSError(1, "not permitted"), address))
        assert "S3cr3t" not in told
    assert str(explain(TimeoutError(), "the server")).startswith("The server cannot be reached: no answer in time.")
