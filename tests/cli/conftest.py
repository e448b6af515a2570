"""What tests of the command line stand on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.commands import run, running, states
from tests.cli.terminals import Terminal
from tests.servers import Server
from tests.waiting import wait_until

TASKS = """
import time
import nbqueue

@nbqueue.task("steps")
def steps(n):
    print("on its way")
    for _ in nbqueue.track(range(n)):
        time.sleep(0.2)

@nbqueue.task("bad")
def bad():
    print("before it")
    raise ValueError("no \\x1b[31m[bold]way[/bold] \\x1b]0;owned\\x07\\n\\x9b2J\\u202eend")
"""
BEGUN = {"bad-1": "failed", "long-1": "running", "lonely-1": "queued"}


@pytest.fixture
def scene(server: Server) -> Server:
    """The server, with jobs that wait."""
    for job_id, queue in (("first-1", "default"), ("deep-1", "deep"), ("lonely-1", "lonely"), ("lonely-2", "lonely")):
        run("submit", "steps", "1", "--id", job_id, "--queue", queue, "--url", server.url)
    return server


@pytest.fixture
def open_top(server: Server) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals with the command in them, and closes them."""
    opened: list[Terminal] = []

    def open_one(*words: str, **size: int) -> Terminal:
        found = Terminal("top", *words, "--url", server.url, **size)
        opened.append(found)
        found.until(lambda text: "lonely" in text)
        return found

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def under_way(server: Server) -> Iterator[None]:
    """A worker, a job that runs, one that failed and one that nobody will run, with texts that mean harm."""
    Path("scenes.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    with running("worker", "scenes", "--slots", "2", "--queues", "default,deep", *at):
        run("submit", "bad", "--id", "bad-1", *at)
        run("submit", "steps", "5000", "--id", "long-1", "--queue", "deep", *at)
        run("submit", "steps", "1", "--id", "lonely-1", "--queue", "lonely", *at)
        wait_until(lambda: states(server) == BEGUN, timeout_s=20)
        with server.client() as client:
            client.hset("nbq:job:bad-1", "label", "\x1b]0;owned\x07red\n\x9b2J")
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable server is reported after a second, which is too soon for one that a busy machine keeps waiting."""
    monkeypatch.setenv("NBQUEUE_CONNECT_TIMEOUT_S", "1")
