"""doctor: what it finds, and when it says that something is wrong."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import run, shell
from tests.servers import Server, running_server


def test_a_server_without_a_journal_is_noted(server: Server) -> None:
    """A reachable server passes; that it keeps nothing on disk and has no worker is noted."""
    assert _marks(server) == {
        "Python": "ok", "signing key": "note", "server": "ok", "persistence": "note", "memory": "ok", "clock": "ok",
        "workers": "note", "queues": "ok",
    }  # fmt: skip
    assert run("doctor", "--url", server.url).exit_code == 0


def test_a_server_that_throws_jobs_away_is_wrong() -> None:
    """An eviction policy under a memory limit is wrong, with the setting that mends it."""
    with running_server(maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        found = run("doctor", "--url", server.url)
        assert (found.exit_code, "set maxmemory-policy noeviction" in found.stdout) == (1, True)


def test_a_queue_that_nobody_serves_is_wrong(server: Server) -> None:
    """Jobs that wait where no worker looks are named by their queue."""
    shell("submit", "f", "--queue", "lonely", "--url", server.url)
    assert _marks(server)["queues"] == "wrong"
    assert "jobs wait in lonely, which no worker serves" in run("doctor", "--url", server.url).stdout


def test_a_key_that_others_can_read_is_wrong(server: Server, home: Path) -> None:
    """The signing key's file must be private."""
    (home / "signing.key").write_text("k " + "0" * 64)
    (home / "signing.key").chmod(0o644)
    assert _marks(server)["signing key"] == "wrong"
    (home / "signing.key").chmod(0o600)
    assert _marks(server)["signing key"] == "ok"


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_server_is_wrong() -> None:
    """The sentence says why, and the exit code is 1."""
    found = run("doctor", "--json", "--url", "redis://127.0.0.1:1/0")
    assert (found.exit_code, json.loads(found.stdout)[-1]["mark"]) == (1, "wrong")


def test_no_local_stack_is_only_noted() -> None:
    """Without a URL nothing is started, and that nothing runs is no fault."""
    found = run("doctor", "--json")
    assert (found.exit_code, json.loads(found.stdout)[-1]["mark"]) == (0, "note")


def _marks(server: Server) -> dict[str, str]:
    return {item["what"]: item["mark"] for item in json.loads(run("doctor", "--json", "--url", server.url).stdout)}
