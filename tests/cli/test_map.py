"""Many jobs from a shell."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nbqueue.cli import main
from tests.cli.commands import run, running
from tests.servers import Server
from tests.waiting import wait_until

TASKS = """
import nbqueue

@nbqueue.task("invert")
def invert(number):
    return 1 / number

@nbqueue.task("power")
async def power(base, exponent):
    return base ** exponent

@nbqueue.task("odd")
async def odd(number):
    return {number}
"""


@pytest.fixture
def worker(server: Server) -> Iterator[None]:
    """A worker that has the functions, and serves."""
    Path("mapped.py").write_text(TASKS, encoding="utf-8")
    with running("worker", "mapped", "--url", server.url):
        wait_until(lambda: _engines(server), timeout_s=20)
        yield


def _engines(server: Server) -> list[Any]:
    found: list[Any] = json.loads(run("status", "--json", "--url", server.url).stdout)["overview"]["engines"]
    return found


@pytest.mark.usefixtures("worker")
def test_a_group_of_one_job_an_item(server: Server) -> None:
    """Its id is printed, and with it the group is found."""
    made = run("map", "invert", "1", "2", "--tag", "mapped", "--url", server.url)
    assert made.exit_code == 0
    again = run("map", "invert", "4", "--after", made.stdout.strip(), "--wait", "--url", server.url)
    assert again.stdout == "0.25\n"
    listed = json.loads(run("jobs", "--tag", "mapped", "--json", "--url", server.url).stdout)
    assert [(job["group"], job["state"]) for job in listed] == [(made.stdout.strip(), "succeeded")] * 2


@pytest.mark.usefixtures("worker")
def test_items_of_a_file_in_batches(server: Server) -> None:
    """A line an item; results are those of the items, whatever a job takes."""
    lines = "".join(f"{number}\n" for number in (1, 2, 4, 5, 8))
    words = ("map", "invert", "--file", "-", "--batch", "2", "--json", "--url", server.url)
    made = json.loads(CliRunner().invoke(main, words, input=lines + "\n").stdout)
    assert made == {"id": made["id"], "jobs": 3}
    Path("items").write_text(lines, encoding="utf-8")
    found = run("map", "invert", "--file", "items", "--batch", "2", "--wait", "--url", server.url)
    assert (found.exit_code, [json.loads(line) for line in found.stdout.splitlines()]) == (
        0,
        [1, 0.5, 0.25, 0.2, 0.125],
    )


@pytest.mark.usefixtures("worker")
def test_several_arguments_of_a_call(server: Server) -> None:
    """With --star an item is an array of them."""
    found = run("map", "power", "[2, 3]", "[3, 2]", "--star", "--batch", "10", "--wait", "--url", server.url)
    assert found.stdout == "8\n9\n"


@pytest.mark.usefixtures("worker")
def test_a_result_that_is_no_json(server: Server) -> None:
    """It is shown as Python writes it."""
    assert run("map", "odd", "1", "--wait", "--url", server.url).stdout == "{1}\n"


@pytest.mark.usefixtures("worker")
def test_what_fails_has_its_line(server: Server) -> None:
    """An error stands in the place of the result, and the exit code tells."""
    found = run("map", "invert", "1", "0", "2", "0", "--wait", "--url", server.url)
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (1, "nbqueue: 2 of 4 items failed, the first is item 2")
    error = {"error": "ZeroDivisionError: division by zero"}
    assert [json.loads(line) for line in found.stdout.splitlines()] == [1, error, 0.5, error]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "No items are given: name them, or give a file of them with --file."),
        (("x",), "Item 1 is no JSON: 'x'. Write text in quotation marks"),
        (("1", "--file", "-"), "Items are given here and in --file: give them in one place."),
        (("[1, 2]", "3", "--star"), "Item 2 is 3: with --star each is a JSON array of as many arguments as the first"),
        (("[1, 2]", "[3]", "--star"), "Item 2 is [3]: with --star"),
        (("1", "--batch", "0"), "batch=0 cannot be used: give a whole number of items from 1 to"),
        (("1", "--rate", "often"), "rate='often'"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(words: tuple[str, ...], sentence: str, server: Server) -> None:
    """One sentence, exit code 2, nothing is sent."""
    before = run("jobs", "--json", "--url", server.url).stdout
    found = run("map", "invert", *words, "--url", server.url)
    assert (found.exit_code, found.stderr[: len(sentence) + 9]) == (2, f"nbqueue: {sentence}")
    assert run("jobs", "--json", "--url", server.url).stdout == before


@pytest.mark.usefixtures("worker")
def test_results_as_one_document(server: Server) -> None:
    """With --json --wait the group's id and its results come in one object."""
    made = run("map", "invert", "1", "0", "--wait", "--json", "--url", server.url)
    found = json.loads(made.stdout)
    error = {"error": "ZeroDivisionError: division by zero"}
    assert (made.exit_code, found) == (1, {"id": found["id"], "jobs": 2, "results": [1.0, error]})
    found = json.loads(run("map", "odd", "1", "--wait", "--json", "--url", server.url).stdout)
    assert found["results"] == ["{1}"]


def test_a_group_is_changed_and_cancelled_as_one(server: Server) -> None:
    """Commands that take the ids of jobs take a group's for all of its jobs, each with its answer, once."""
    at = ("--url", server.url)
    group = run("map", "score", "1", "2", "3", "--delay", "100", *at).stdout.strip()
    single = run("submit", "score", "4", "--delay", "100", *at).stdout.strip()
    ids = {job["id"] for job in json.loads(run("jobs", "--json", *at).stdout) if job["group"]}

    def answers(*words: str) -> dict[str, str]:
        found = run(*words, "--json", *at)
        assert found.exit_code == 0, found.output
        read: dict[str, str] = json.loads(found.stdout)
        return read

    assert answers("reschedule", group, single, "--delay", "1h") == dict.fromkeys([*ids, single], "changed")
    assert answers("priority", group, *ids, "--to", "high") == dict.fromkeys(ids, "changed")
    assert answers("promote", group) == dict.fromkeys(ids, "changed")
    assert run("move", group, single, "--to", "other", *at).exit_code == 0
    assert {job["queue"] for job in json.loads(run("jobs", "--json", *at).stdout)} == {"other"}
    assert answers("cancel", group) == dict.fromkeys(ids, "cancelled")
    assert set(answers("retry", group)) == ids
    assert answers("delete", group, single) == dict.fromkeys([*ids, single], "deleted")
    assert run("cancel", "nobody", *at).stdout == "nobody  unknown\n"


@pytest.mark.usefixtures("worker")
def test_what_failed_of_a_group_is_retried(server: Server) -> None:
    """Of a group those are submitted again that ended otherwise than well."""
    at = ("--url", server.url)
    made = json.loads(run("map", "invert", "1", "0", "2", "--wait", "--json", *at).stdout)
    again = run("retry", made["id"], "--json", *at)
    jobs = {job["id"]: job for job in json.loads(run("jobs", "--json", *at).stdout)}
    assert (again.exit_code, len(json.loads(again.stdout))) == (0, 1)
    [old] = json.loads(again.stdout)
    assert jobs[old]["state"] == "failed"
