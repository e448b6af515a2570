"""Readers that take nothing of what they asked for, and those that only take their time."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.waiting import SLACK, wait_until
from tests.web.raw import BEARER, request
from tests.web.running import Web, running_web

PATIENCE_S = 0.6
#: a request on a connection that stays open
LOOK = b"GET /static/board.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: the last one on its connection
LAST = request("GET /static/board.css")
#: what the log says then
CUT_OFF = "an answer was not taken in time"


@pytest.fixture(scope="module")
def hasty(base: Settings) -> Iterator[Web]:
    """A web server that waits for nobody for long."""
    with running_web(base, "--request-timeout", str(PATIENCE_S), "--log-format", "json") as web:
        yield web


@contextmanager
def reader(web: Web) -> Iterator[socket.socket]:
    """A connection whose own system holds next to nothing for it."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        found.settimeout(20 * SLACK)
        found.connect(("127.0.0.1", web.port))
        yield found


def open_files(web: Web) -> int:
    """How many files and connections its process has open."""
    return sum(1 for _ in Path(f"/proc/{web.process.pid}/fd").iterdir())


def test_who_takes_nothing_loses_the_connection(hasty: Web) -> None:
    """Whoever asks and never reads holds neither a connection nor a file for longer than a late request would."""
    assert hasty.get("/healthz", token=None).status == 200  # it runs, and has its own connections
    before = open_files(hasty)
    with ExitStack() as many:
        asking = [many.enter_context(reader(hasty)) for _ in range(40)]
        for each in asking[:20]:
            each.sendall(LOOK * 40)
        for each in asking[20:]:
            each.sendall(LOOK * 30 + LAST)
        wait_until(lambda: open_files(hasty) > before + 30, 10)
        wait_until(lambda: open_files(hasty) <= before, 20)
    assert CUT_OFF in hasty.log
    assert "Traceback" not in hasty.log


def test_who_takes_its_time_gets_everything(hasty: Web) -> None:
    """A slow reader that goes on reading has all of a long answer, though that takes longer than the patience."""
    size = len(hasty.raw(LAST))
    began = time.monotonic()
    received = 0
    with reader(hasty) as slow:
        slow.sendall(LOOK * 40 + LAST)
        while part := slow.recv(65_536):
            received += len(part)
            time.sleep(0.005)
    assert time.monotonic() - began > 3 * PATIENCE_S
    assert received > 40 * (size - 100)


def test_a_stream_that_nobody_reads_ends(hasty: Web) -> None:
    """Who listens while nothing happens is kept, however long; who does not take what happens is not."""
    with hasty.connection() as patient, reader(hasty) as deaf:
        before = hasty.log.count(CUT_OFF)
        for each in (patient, deaf):
            each.sendall(request("GET /api/v1/events", BEARER))
            assert each.recv(12) == b"HTTP/1.1 200"
        nbqueue.options(queue="unheard", delay=3600).submit_map("add", range(2500)).wait(60)
        assert hasty.log.count(CUT_OFF) == before
        hasty.post("/api/v1/queues/unheard/clear")
        wait_until(lambda: hasty.log.count(CUT_OFF) > before, 20)
        wait_until(lambda: '"path": "/api/v1/events"' in hasty.log, 20)
        wait_until(lambda: b'"state":"cancelled"' in patient.recv(65_536), 20)
