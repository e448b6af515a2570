"""up, down and status: the local stack from a shell."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.local import stack
from nbqueue.model.settings import Settings
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
    assert (down.exit_code, down.stdout) == (0, f"The local stack has stopped. {stack.KEPT}\n")
    assert json.loads(run("down", "--json").stdout)["stopped"] is False


def test_a_worker_that_is_on_its_way(home: Path) -> None:
    """From the start of the stack to the first engine it is said to be starting, not to be missing."""
    slow = (sys.executable, "-c", "import time; time.sleep(600)")
    stack.ensure(Settings(home=home), worker_command=slow)
    try:
        # its process may be there already
        assert _told_of_worker()[0].endswith("starting")
        wait_until(lambda: stack.status(Settings(home=home)).worker.pid)
        process = stack.status(Settings(home=home)).worker.pid
        assert _told_of_worker() == (f"process {process}, starting", True)
    finally:
        run("down", "--timeout", "1")


def _told_of_worker() -> tuple[str, bool]:
    """What status says of the worker, and whether it says in the place of engines that it starts."""
    lines = run("status").stdout.splitlines()
    [told] = [line.split(None, 1)[1] for line in lines if line.split()[:1] == ["worker"]]
    return told, lines[-1].startswith("The worker is starting; ")


def test_status_of_a_server_elsewhere(server: Server) -> None:
    """With --url the server's queues and engines are shown, and nothing local."""
    found = run("status", "--url", server.url)
    assert (found.exit_code, found.stdout.splitlines()[0]) == (0, f"server  {server.url}")
    told = json.loads(run("status", "--json", "--url", server.url).stdout)
    assert told["overview"].pop("memory")["used_bytes"] > 0
    assert told == {
        "running": True,
        "overview": {"server": server.url, "queues": [], "engines": [], "archive": None},
        "local": None,
    }


def test_what_ran_when_the_stack_ended_runs_again(home: Path, tmp_path: Path) -> None:
    """As `down` says: it is given back, and begins at its checkpoint after the next start; that is no try more."""
    nbqueue.configure(Settings(home=home))
    begun = tmp_path / "begun"
    try:
        job = nbqueue.submit(_begins, str(begun)).wait()
        wait_until(begun.exists, timeout_s=20)
        assert run("down", "--timeout", "1").exit_code == 0
        assert run("up").exit_code == 0
        assert (job.wait(30), job.info().wait().tries) == (2, 1)
    finally:
        shutdown()
        run("down")


def _begins(path: str) -> int:
    """How often it has begun; the first time it does not end."""
    kept: int = nbqueue.last_checkpoint(0) + 1
    nbqueue.checkpoint(kept)
    Path(path).touch()
    while kept == 1:
        time.sleep(0.02)
    return kept


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
