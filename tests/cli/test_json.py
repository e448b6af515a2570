"""What commands print with --json: the keys that docs/cli.md promises, which scripts stand on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nbqueue.cli.values import shown, written
from tests.cli.commands import run
from tests.servers import Server
from tools.cli_page import SHAPES

JOB = {
    "id", "state", "queue", "function", "label", "reason", "priority", "tags", "group", "after", "retry_of",
    "retried_by", "parent", "needs", "expires_s", "submitted_at", "due_at", "started_at", "finished_at", "tries",
    "max_tries", "losses", "crashes", "fence", "worker", "error_type", "error", "failed_parent", "stopped_by",
    "cancel_requested", "progress",
}  # fmt: skip
OVERVIEW = {"server", "queues", "engines", "memory", "archive"}
QUEUE = {
    "name", "paused", "drained", "queued", "blocked", "held_back", "scheduled", "running", "ended", "per_minute",
    "oldest_s", "waits_s", "runs_s", "memory",
}  # fmt: skip


@pytest.fixture
def at(server: Server) -> tuple[str, ...]:
    """The options that name the server."""
    return ("--url", server.url)


def _printed(*words: str) -> Any:
    found = run(*words, "--json")
    assert found.stderr == ""
    return json.loads(found.stdout)


def test_the_keys_of_jobs_and_of_the_server(at: tuple[str, ...]) -> None:
    """They may become more; those that were there once stay."""
    made = _printed("submit", "f", *at)
    assert made.keys() == {"id", "existed"}
    [job] = _printed("jobs", *at)
    assert job.keys() >= JOB
    assert job["progress"].keys() >= {"done", "total", "message", "metrics"}
    status = _printed("status", *at)
    assert (status.keys(), status["running"]) == ({"running", "overview", "local"}, True)
    assert status["overview"].keys() >= OVERVIEW
    assert status["overview"]["queues"][0].keys() >= QUEUE


def test_the_page_names_them(at: tuple[str, ...]) -> None:
    """What each command prints has all keys that the page has, and the page has all that are printed."""
    run("schedules", "add", "nightly", "0 6 * * *", "f", *at)
    run("alerts", "add", "default", "--depth", "5", "--webhook", "https://example.org/", *at)
    printed = {
        "map": _printed("map", "f", "1", *at), "jobs": _printed("jobs", *at)[0],
        "schedules": _printed("schedules", *at)[0], "alerts": _printed("alerts", *at)[0],
        "doctor": _printed("doctor", *at)[0], "clear": _printed("clear", "default", *at),
        "retention": _printed("retention", *at)["default"],
    }  # fmt: skip
    optional = {"results", "oldest_s", "failure_rate"}
    lacking = {name: (set(found) ^ set(SHAPES[name][1])) - optional for name, found in printed.items()}
    assert {name: keys for name, keys in lacking.items() if keys} == {}


def test_what_is_paused(at: tuple[str, ...]) -> None:
    """Queues, functions, tags and groups, each by its kind."""
    run("pause", "--queue", "default", *at)
    run("pause", "--function", "shop.solve", *at)
    assert _printed("pause", *at) == [
        {"kind": "function", "name": "shop.solve"}, {"kind": "queue", "name": "default"},
    ]  # fmt: skip


def test_what_is_held_back_is_told(at: tuple[str, ...]) -> None:
    """Each of these commands prints one document: what is so from now on."""
    run("submit", "f", *at)
    assert [_printed(*words, *at) for words in (
        ["pause", "--queue", "default"], ["resume", "--queue", "default"], ["pause", "--tag", "night"],
        ["open", "default"],
        ["limits", "--queue", "default", "--rate", "20/min"], ["limits", "--queue", "default", "--remove"],
    )] == [
        {"kind": "queue", "name": "default", "state": "paused"},
        {"kind": "queue", "name": "default", "state": "resumed"},
        {"kind": "tag", "name": "night", "state": "paused"},
        {"kind": "queue", "name": "default", "state": "open"},
        {"q:default": {"rate": 20, "per_ms": 60000}}, {},
    ]  # fmt: skip
    assert _printed("clear", "default", *at)["cleared"] == 1
    assert _printed("drain", "default", *at) == {"kind": "queue", "name": "default", "state": "drained"}


def test_jobs_that_are_moved_and_drawn(at: tuple[str, ...]) -> None:
    """The answer for each job; the nodes and edges of a graph."""
    first = _printed("submit", "f", "--id", "first", *at)["id"]
    second = _printed("submit", "f", "--id", "second", "--after", first, *at)["id"]
    found = run("move", first, "nobody", "--to", "other", "--json", *at)
    assert (found.exit_code, json.loads(found.stdout)) == (1, {first: "moved", "nobody": "unknown"})
    graph = _printed("graph", first, *at)
    assert graph.keys() == {"nodes", "edges", "around", "cut"}
    assert ([node["state"] for node in graph["nodes"]], graph["edges"]) == (["queued", "queued"], [[first, second]])
    run("cancel", first, *at)
    assert _printed("webhooks", *at) == []


def test_numbers_that_json_does_not_have() -> None:
    """They are null, so that whoever reads it can."""
    result = {"loss": float("nan"), "bounds": (float("inf"), 1.5), "at": datetime(2026, 1, 31, tzinfo=UTC)}
    text = written(result, default=str)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "loss": None, "bounds": [None, 1.5], "at": "2026-01-31 00:00:00+00:00",
    }  # fmt: skip
    assert shown([float("nan")]) == "[null]"


def test_schedules_that_change(at: tuple[str, ...]) -> None:
    """Each name with what it is now, an object a line."""
    run("schedules", "add", "nightly", "0 6 * * *", "f", *at)
    lines = [run("schedules", verb, "nightly", "--json", *at).stdout for verb in ("pause", "resume", "delete")]
    assert [json.loads(line) for line in lines] == [
        {"name": "nightly", "state": state} for state in ("paused", "active", "deleted")
    ]
    assert json.loads(run("alerts", "remove", "default", "nobody", "--json", *at).stdout) == {"nobody": "unknown"}


def test_no_server(at: tuple[str, ...]) -> None:
    """`status` has an answer for that too, and exit code 3."""
    del at
    found = run("status", "--json")
    assert (found.exit_code, json.loads(found.stdout).keys()) == (3, {"running", "reason"})
