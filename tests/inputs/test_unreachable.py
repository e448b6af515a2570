"""Servers that are away, mute, full or not for us: the caller is told soon, with the place and what to do."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from nbqueue import AccessDenied, BrokerUnavailable, ConfigurationError, NbqueueError, StoreFull, run, submit
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.broker.contacts import free_port, listener
from tests.servers import Server, running_server
from tests.waiting import SLACK, wait_until
from tests.workers import start_worker

PASSWORD = "right"
#: denied is told within 1 s, silence after the limit; a second more for a busy machine
AT_ONCE_S = 1.0 + 1.0
LIMIT_S = 1.0


@pytest.fixture(scope="module")
def port() -> int:
    """Where the module's server listens."""
    return free_port()


@pytest.fixture(scope="module")
def guarded(port: int) -> Iterator[Server]:
    """A server on a network port that asks for a password, and has a user who may only read."""
    with running_server(port=str(port)) as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "reader", "on", ">right", "+@read", "+ping", "~*")
            client.config_set("requirepass", PASSWORD)
        yield server


@pytest.fixture
def at_home(home: Path) -> Iterator[Settings]:
    """Settings whose server is still to be named."""
    yield Settings(home=home, connect_timeout_s=LIMIT_S)
    shutdown()


def told(settings: Settings) -> tuple[NbqueueError, float]:
    """What a submit says, and after how many seconds."""
    configure(settings)
    began = time.monotonic()
    with pytest.raises(NbqueueError) as caught:
        submit(len, "abc").wait(30)
    return caught.value, time.monotonic() - began


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose connections are neither taken nor refused: its backlog is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - it takes no keyword
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]


DENIED = {
    "wrong password": ("redis://:wrong@127.0.0.1:{port}/0", AccessDenied, "refused the password or user of NBQUEUE_U"),
    "no password": ("redis://127.0.0.1:{port}/0", AccessDenied, "asks for a password: write it into NBQUEUE_URL"),
    "wrong user": ("redis://me:right@127.0.0.1:{port}/0", AccessDenied, "refused the password or user"),
    "no rights": ("redis://reader:right@127.0.0.1:{port}/0", AccessDenied, "does not allow this to the user"),
    "wrong database": ("redis://:right@127.0.0.1:{port}/9999", ConfigurationError, "end NBQUEUE_URL with /0"),
    "TLS": ("rediss://:right@127.0.0.1:{port}/0", AccessDenied, "write redis:// instead of rediss://"),
}


@pytest.mark.parametrize("what", DENIED)
def test_a_refusal_is_told_at_once(guarded: Server, port: int, at_home: Settings, what: str) -> None:
    """Within a second, not tried again, with the setting to correct."""
    del guarded
    url, kind, sentence = DENIED[what]
    error, seconds = told(replace(at_home, url=url.format(port=port)))
    assert isinstance(error, kind)
    assert sentence in str(error)
    assert seconds < AT_ONCE_S * SLACK


@pytest.mark.parametrize("what", ["closed", "black hole", "mute", "unknown host", "no socket", "hangs up"])
def test_a_server_that_is_away_is_told_in_time(at_home: Settings, what: str) -> None:
    """After the limit and no later, with host, port and the last cause."""
    with ExitStack() as stack:
        ports: dict[str, Callable[[], int]] = {
            "closed": free_port, "black hole": lambda: stack.enter_context(black_hole()),
            "mute": lambda: stack.enter_context(listener()),
            "hangs up": lambda: stack.enter_context(listener(lambda taken: taken.close())),
        }  # fmt: skip
        port = ports.get(what, lambda: 6379)()
        host = "no.such.host.invalid" if what == "unknown host" else "127.0.0.1"
        url = "unix:///tmp/there-is-none" if what == "no socket" else f"redis://{host}:{port}/0"
        error, seconds = told(replace(at_home, url=url))
    assert type(error) is BrokerUnavailable
    assert url in str(error)
    assert {
        "closed": "connection refused", "black hole": "no answer in time", "mute": "no answer in time",
        "unknown host": "the name of its host is not known", "no socket": "there is no socket of that name",
        "hangs up": "",
    }[what] in str(error)  # fmt: skip
    assert "Check that it runs, and that NBQUEUE_URL names the right place." in str(error)
    assert seconds < (LIMIT_S + AT_ONCE_S) * SLACK


def test_five_seconds_are_the_default(at_home: Settings) -> None:
    """A closed port is told within five seconds where nothing else was asked for."""
    error, seconds = told(Settings(home=at_home.home, url=f"redis://127.0.0.1:{free_port()}/0"))
    assert type(error) is BrokerUnavailable
    assert seconds < (5.0 + 1.0) * SLACK


def test_a_frozen_server_is_told_and_found_again(at_home: Settings) -> None:
    """SIGSTOP: waiting has an end; after SIGCONT the same client goes on, and nothing was submitted twice."""
    with running_server() as server:
        configure(replace(at_home, url=server.url))
        first = submit(len, "abc").wait(5)
        os.kill(server.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="no answer in time"):
            submit(len, "abcd").wait(30)
        assert time.monotonic() - began < (LIMIT_S + AT_ONCE_S) * SLACK
        os.kill(server.process.pid, signal.SIGCONT)
        assert first.cancel().wait(10) == "cancelled"
        with server.client() as client:
            assert client.zcard("arq:queue:default") <= 1


@pytest.mark.parametrize("what", ["wrong password", "no password", "wrong database", "TLS"])
def test_a_worker_that_is_refused_ends(guarded: Server, port: int, at_home: Settings, what: str) -> None:
    """Code 2 and one sentence, no traceback."""
    del guarded
    url, _, sentence = DENIED[what]
    worker = start_worker(replace(at_home, url=url.format(port=port)), "--slots", "1")
    try:
        assert worker.exit_code(20) == 2
    finally:
        worker.kill()
    assert sentence in worker.log
    assert "Traceback" not in worker.log


@pytest.mark.slow
def test_a_worker_waits_for_a_server_that_is_away(at_home: Settings) -> None:
    """With one line in five seconds; it serves once the server is there, and ends when it is told to."""
    port = free_port()
    settings = replace(at_home, url=f"redis://127.0.0.1:{port}/0", connect_timeout_s=5.0)
    worker = start_worker(settings, "--slots", "1")
    try:
        wait_until(lambda: worker.log.count("Waiting for the server") >= 1, 15)
        assert worker.log.count("Waiting for the server") == 1
        with running_server(port=str(port)):
            configure(settings)
            assert run(len, "abc").wait(20) == 3
            worker.kill()
    finally:
        worker.kill()
    assert worker.log.count("Waiting for the server") <= 2


def fill(client: redis.Redis) -> None:
    """Store until the server refuses."""
    with suppress(redis.OutOfMemoryError):
        for number in range(1000):
            client.set(f"filler-{number}", b"x" * 100_000)
        raise AssertionError("The server takes more than it should.")


def test_a_full_server_is_told_with_what_to_do(at_home: Settings) -> None:
    """Small or large, one or many: StoreFull says that nothing was stored, and after room was made it is."""
    with running_server(maxmemory="24mb") as server, server.client() as client:
        configure(replace(at_home, url=server.url))
        client.config_set("maxmemory-policy", "noeviction")
        fill(client)
        before: set[Any] = set(client.scan_iter())
        for data in (b"x", b"x" * 5_000_000):
            with pytest.raises(StoreFull) as caught:
                submit(len, data).wait(10)
            helps = "clear finished jobs (`nbqueue clear QUEUE --state succeeded`), or raise its maxmemory"
            assert f"is out of memory, and nothing was stored: {helps}" in str(caught.value)
        # the mark of those who meet there is small, and may find room
        assert set(client.scan_iter()) - {b"nbq:mark"} == before
        client.delete(*(key for key in before if key.startswith(b"filler")))
        assert submit(len, b"x").wait(10).cancel().wait(10) == "cancelled"
