"""promote, reschedule and priority from a shell; what a worker is told of queues and resources."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.cli.commands import run, running
from tests.servers import Server
from tests.waiting import wait_until


@pytest.fixture
def at(server: Server) -> tuple[str, ...]:
    """The options that name the server."""
    nbqueue.configure(url=server.url)
    return ("--url", server.url)


def _records(at: tuple[str, ...]) -> dict[str, dict[str, object]]:
    return {item["id"]: item for item in json.loads(run("jobs", "--json", *at).stdout)}


def test_waiting_jobs_are_changed(at: tuple[str, ...]) -> None:
    """Each job has its answer in a line, or in a document; what cannot be changed ends the command with 1."""
    for job_id in ("a", "b"):
        run("submit", "f", "--id", job_id, "--delay", "600", *at)
    run("submit", "f", "--id", "gone", *at)
    run("cancel", "gone", *at)
    found = run("promote", "a", "gone", *at)
    assert (found.exit_code, found.stdout) == (1, "a  changed\ngone  already cancelled\n")
    found = run("reschedule", "a", "b", "--at", "2030-01-31T08:00+01:00", "--json", *at)
    assert (found.exit_code, json.loads(found.stdout)) == (0, {"a": "changed", "b": "changed"})
    assert run("priority", "b", "--to", "-5", *at).stdout == "b  changed\n"
    assert run("priority", "a", "--to", "high", *at).exit_code == 0
    records = _records(at)
    due = datetime(2030, 1, 31, 7, tzinfo=UTC).isoformat()
    assert [(records[name]["due_at"], records[name]["priority"]) for name in "ab"] == [(due, 10), (due, -5)]
    found = run("promote", "nobody", "a", *at)
    assert (found.exit_code, found.stdout) == (1, "nobody  unknown\na  changed\n")
    run("submit", "f", "--id", "short", "--expires", "5min", "--delay", "60", *at)
    found = run("reschedule", "short", "--delay", "2h", *at)
    assert (found.exit_code, found.stdout) == (1, "short  expires before\n")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["reschedule", "a"], "reschedule takes --delay S or --at TIME, one of them."),
        (["reschedule", "a", "--delay", "1", "--at", "2030-01-01"], "reschedule takes --delay S or --at TIME"),
        (["reschedule", "a", "--at", "soon"], "--at 'soon' is no time: write it as ISO 8601"),
        (["reschedule", "a", "--delay", "-1"], "delay=-1.0 is out of range"),
        (["priority", "a", "--to", "100"], "priority=100 cannot be used"),
        (["priority", "a", "--to", "urgent"], "priority='urgent' cannot be used"),
        (["promote", "a b"], "job_id='a b' cannot be used"),
        (["worker", "--queues", "a=0"], "--queues has 'a=0': write NAME=NUMBER, the number being a whole number"),
        (["worker", "--queues", "a=1,a"], "--queues 'a=1,a' names queue 'a' twice"),
        (["worker", "--queues", "a b"], "queue='a b' cannot be used"),
        (["worker", "--queue-concurrency", "default"], "--queue-concurrency has 'default': write NAME=NUMBER"),
        (["worker", "--queue-concurrency", "other=1"], "There is a number for queue 'other'"),
        (["worker", "--resources", "gpu"], "--resources 'gpu' cannot be read at 'gpu': write NAME=NUMBER"),
        (["worker", "--resources", "gpu=-1"], "--resources has gpu=-1.0: give a number from 0.000001"),
        (
            ["worker", "old.Settings", "--strict"],
            "--strict cannot be used with 'old:Settings': an arq class says itself which queue it serves",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], fault: str, at: tuple[str, ...]) -> None:
    """One sentence, and exit code 2."""
    found = run(*words, *at)
    assert (found.exit_code, found.stderr.startswith(f"nbqueue: {fault}")) == (2, True), found.stderr


def test_status_shows_what_a_worker_offers(at: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given by options or by the environment; a worker of two engines offers it once."""
    monkeypatch.setenv("NBQUEUE_RESOURCES", "gurobi=2,memory_gb=7.5")
    monkeypatch.setenv("NBQUEUE_QUEUES", "contracts=3,messages")
    with running("worker", "--processes", "2", "--queue-concurrency", "messages=1", *at):
        wait_until(lambda: len(_engines(at)) == 2, 20)
        first, second = sorted(_engines(at), key=lambda engine: -len(engine["queues"]))
        assert (first["resources"], second["resources"]) == ({"gurobi": 2, "memory_gb": 7.5}, {})
        assert (first["queues"], second["queues"]) == (["contracts", "messages"], ["contracts"])
        assert "gurobi=2,memory_gb=7.5" in run("status", *at).stdout


def test_settings_of_the_local_worker_are_checked_at_once() -> None:
    """Before a stack is started with them, and in the words of the environment."""
    with pytest.raises(nbqueue.ConfigurationError, match=r"^NBQUEUE_QUEUES has 'a=x': write NAME=NUMBER"):
        Settings(queues="a=x")
    with pytest.raises(nbqueue.ConfigurationError, match=r"^NBQUEUE_RESOURCES 'gpu' cannot be read"):
        nbqueue.configure(resources="gpu")


def _engines(at: tuple[str, ...]) -> list[dict[str, Any]]:
    found = json.loads(run("status", "--json", *at).stdout)["overview"]["engines"]
    return [engine for engine in found if engine["queues"]]
