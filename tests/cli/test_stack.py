"""up, down and status: the local stack from a shell."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import run
from tests.servers import Server
from tests.waiting import wait_until


def test_up_status_and_down(home: Path) -> None:
    """The stack is started, found with its worker, and ended; status says 0 while it runs and 3 when it does not."""
    assert run("status").exit_code == 3
    up = run("up")
    try:
        assert (up.exit_code, str(home) in up.stdout) == (0, True)
        overview: dict[str, Any] = wait_until(_with_engine, timeout_s=20)
        [engine] = overview["engines"]
        assert (engine["queues"], engine["running"]) == (["default"], 0)
        assert engine["id"] in run("status").stdout
    finally:
        down = run("down")
    assert (down.exit_code, down.stdout) == (0, "The local stack has stopped.\n")
    assert json.loads(run("down", "--json").stdout)["stopped"] is False


def test_status_of_a_server_elsewhere(server: Server) -> None:
    """With --url the server's queues and engines are shown, and nothing local."""
    found = run("status", "--url", server.url)
    assert (found.exit_code, found.stdout.splitlines()[0]) == (0, f"server  {server.url}")
    assert json.loads(run("status", "--json", "--url", server.url).stdout) == {
        "running": True,
        "overview": {"server": server.url, "queues": [], "engines": []},
        "local": None,
    }


@pytest.mark.usefixtures("impatient")
def test_status_of_a_server_that_is_gone() -> None:
    """Scripts get a document and exit code 3."""
    found = run("status", "--json", "--url", "redis://127.0.0.1:1/0")
    assert (found.exit_code, json.loads(found.stdout)["running"]) == (3, False)


def _with_engine() -> dict[str, Any]:
    """The overview once an engine has said what it serves; it holds its lease a moment earlier."""
    found = _overview()
    return found if any(engine["queues"] for engine in found["engines"]) else {}


def _overview() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", "--json").stdout)["overview"]
    return found
