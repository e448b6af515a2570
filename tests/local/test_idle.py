"""The local stack ends itself when nobody needs it, and only then."""

import time
from dataclasses import replace

import pytest

from nbqueue.local import server
from nbqueue.local.idle import IdleWatch
from nbqueue.local.resp import Connection
from nbqueue.model.settings import Settings
from tests.local.stacks import Stack, client_of
from tests.waiting import wait_until


@pytest.fixture
def short(settings: Settings) -> Stack:
    """A stack that ends itself after half a second."""
    return Stack(replace(settings, idle_stop_s=0.5))


def test_an_idle_stack_ends_itself(short: Stack) -> None:
    """Worker, server and keeper are gone, in order, and the next call starts them again."""
    short.ensure()
    first = short.running()
    wait_until(lambda: not _anything(short))
    assert short.runs()[-1] == f"ended {first.worker.pid}"
    assert short.servers() == []
    assert "ready to exit" in short.home.server_log.read_text()
    short.ensure()
    assert short.running().server.pid != first.server.pid


def test_a_connected_client_keeps_it_alive(short: Stack) -> None:
    """A notebook that is open counts, also when it does nothing; a worker's own connection does not."""
    address = short.ensure()
    with client_of(address) as client, client_of(address, "nbqueue-worker-1") as worker:
        assert client.ping()
        assert worker.ping()
        short.running()
        _let_pass(1.2)
        assert _anything(short)
        client.close()
        wait_until(lambda: not _anything(short))


@pytest.mark.parametrize("queue", ["arq:queue:default", "team:arq:queue:default", "nbq:schedules"])
def test_a_waiting_job_keeps_it_alive(short: Stack, queue: str) -> None:
    """Also one that is due much later, or made then by a schedule, in any namespace; when it is gone the stack ends."""
    address = short.ensure()
    with client_of(address) as client:
        client.zadd(queue, {"job": 9e12})
    short.running()
    _let_pass(1.2)
    assert _anything(short)
    with client_of(address) as client:
        client.zrem(queue, "job")
    wait_until(lambda: not _anything(short))


def test_zero_means_never(local: Stack) -> None:
    """With `idle_stop_s=0` nobody looks."""
    local.ensure(worker=False)
    with server.connect(local.home) as connection:
        assert not IdleWatch(local.home, 0, clock=lambda: time.time() + 1e9).is_over(connection)


def test_the_clock_begins_with_the_last_use(local: Stack) -> None:
    """Work, clients and calls of `ensure` put it back; the limit counts from the last of them."""
    local.ensure(worker=False)
    now = [time.time() + 10]
    watch = IdleWatch(local.home, 100, clock=lambda: now[0])
    with server.connect(local.home, name="nbqueue-keeper") as connection:
        assert not watch.is_over(connection)
        now[0] += 99
        assert not watch.is_over_now(connection)
        with _other(local):
            now[0] += 10
            assert not watch.is_over_now(connection)
        wait_until(lambda: b"a-test" not in _names(connection))
        now[0] += 99
        assert not watch.is_over_now(connection)
        now[0] += 2
        assert watch.is_over_now(connection)


def _other(local: Stack) -> Connection:
    return server.connect(local.home, name="a-test")


def _names(connection: Connection) -> bytes:
    listing = connection.call("CLIENT", "LIST")
    assert isinstance(listing, bytes)
    return listing


def _anything(local: Stack) -> bool:
    status = local.status()
    return status.server.running or status.worker.running or status.keeper.running


def _let_pass(seconds: float) -> None:
    """Wait until a moment is over in which something must not happen."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)
