"""A server without room can be looked at, and what takes no room or makes some can be done."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.cli.commands import run
from tests.servers import Server, running_server
from tests.waiting import wait_until

Full = tuple[Server, tuple[str, ...]]


def _has_no_memory(client: redis.Redis, _: Path) -> None:
    client.config_set("maxmemory", 1)


def _has_no_disk(client: redis.Redis, folder: Path) -> None:
    folder.mkdir()
    client.config_set("dir", str(folder))
    shutil.rmtree(folder)
    client.config_set("save", "3600 1")
    client.bgsave()
    wait_until(lambda: _told(client)["rdb_last_bgsave_status"] == "err")


def _told(client: redis.Redis) -> Any:
    found: Any = client.info("persistence")
    return found


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    """A server with ten jobs that wait, and the options that say where."""
    with running_server(enable_protected_configs="yes") as server:
        at = ("--url", server.url, "--home", str(tmp_path / "home"))
        for _ in range(10):
            assert run("submit", "double", "1", *at).exit_code == 0
        yield server, at


@pytest.mark.parametrize("has_no_room", [_has_no_memory, _has_no_disk])
def test_a_full_server_can_be_looked_at(full: Full, tmp_path: Path, has_no_room: Callable[..., None]) -> None:
    """Also by those who sign: the mark that they leave can be done without where it is there."""
    server, at = full
    with server.client() as client:
        has_no_room(client, tmp_path / "gone")
    found = run("jobs", *at)
    assert (found.exit_code, found.stdout.count("queued")) == (0, 10)
    assert run("status", *at).exit_code == 0
    refused = run("submit", "double", "1", *at)
    assert (refused.exit_code != 0, "nothing was stored" in refused.stderr) == (True, True)


def test_who_has_no_memory_can_make_room(full: Full, tmp_path: Path) -> None:
    """Queues are paused and limited, jobs cancelled, cleared and deleted."""
    server, at = full
    with server.client() as client:
        _has_no_memory(client, tmp_path)
    for words in (
        ("pause", "--queue", "default"),
        ("limits", "--queue", "default", "--concurrency", "1"),
        ("cancel", "--queue", "default", "--yes"),
        ("clear", "default", "--state", "cancelled"),
        ("resume", "--queue", "default"),
    ):
        found = run(*words, *at)
        assert (found.exit_code, words, "out of memory" in found.stderr) == (0, words, False)
    assert run("jobs", *at).stdout.strip() == "No jobs."
