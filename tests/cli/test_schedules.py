"""nbqueue schedules: kept, changed and run from a shell."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.waiting import wait_until

TASKS = """
import pathlib, nbqueue

@nbqueue.task("note")
async def note(path, word="x"):
    with pathlib.Path(path).open("a") as file:
        file.write(word + "\\n")
    return word
"""

UNKNOWN = 'nbqueue: The server knows no schedule "ghost": `nbqueue schedules list` shows those that are there.\n'


def test_a_schedule_from_the_shell_to_its_runs(server: Server) -> None:
    """A registered function is scheduled, runs on a worker, and is paused, resumed, run at once and deleted."""
    Path("shop.py").write_text(TASKS, encoding="utf-8")
    at = ("--url", server.url)
    with running("worker", "shop", *at):
        arguments = ("mine", "1s", "note", '"done"', 'word="tick"')
        added = run("schedules", "add", *arguments, "--overlap", "queue", "--tag", "a", "--json", *at)
        found = json.loads(added.stdout)
        assert (found["name"], found["state"], found["existed"]) == ("mine", "active", False)
        assert found["times"] == {"every": 1.0, "overlap": "queue"}
        wait_until(lambda: Path("done").exists() and Path("done").read_text().count("tick") >= 2, 20)
        assert run("schedules", "pause", "mine", *at).stdout == "mine: paused\n"
        (listed,) = json.loads(run("schedules", "--json", *at).stdout)
        assert (listed["state"], listed["next_at"], listed["function"]) == ("paused", None, "note")
        job_id = run("schedules", "trigger", "mine", *at).stdout.strip()
        assert job_id.startswith("mine+")
        wait_until(lambda: job_id in run("jobs", "--state", "succeeded", *at).stdout)
        assert run("schedules", "resume", "mine", *at).stdout == "mine: active\n"
        assert run("schedules", "delete", "mine", *at).stdout == "mine: deleted\n"
        assert run("schedules", *at).stdout == "No schedules.\n"


def test_times_are_changed(server: Server) -> None:
    """What is not given stays; a table shows the times on their own clock."""
    at = ("--url", server.url)
    zone = ("--timezone", "Asia/Tokyo", "--misfire", "3", "--start", "2026-01-01T00:00Z")
    run("schedules", "add", "mine", "0 6 * * *", "note", '"done"', *zone, *at)
    changed = run("schedules", "change", "mine", "30 7 * * *", "--count", "5", "--json", *at)
    assert json.loads(changed.stdout)["times"] == {
        "cron": "30 7 * * *", "timezone": "Asia/Tokyo", "misfire": 3, "start": "2026-01-01T00:00:00+00:00", "count": 5,
    }  # fmt: skip
    listed = run("schedules", "list", *at).stdout.splitlines()
    assert listed[0].split()[:4] == ["NAME", "STATE", "TIMES", "FUNCTION"]
    assert "30 7 * * * (Asia/Tokyo)" in listed[1]
    assert " 07:30:00 JST" in listed[1]


def test_a_time_without_an_offset_is_of_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for --start, --end and --at; one with an offset is taken by it, whatever zone the cron goes by."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    at = ("--json", "--url", server.url)
    limits = ("--start", "2030-01-31T08:00", "--end", "2030-02-01T00:00Z", "--timezone", "Europe/Berlin")
    times = json.loads(shell("schedules", "add", "mine", "0 6 * * *", "note", *limits, *at).stdout)["times"]
    assert (times["start"], times["end"]) == ("2030-01-30T23:00:00+00:00", "2030-02-01T00:00:00+00:00")
    times = json.loads(shell("schedules", "change", "mine", "--end", "2030-03-01", *at).stdout)["times"]
    assert (times["start"], times["end"]) == ("2030-01-30T23:00:00+00:00", "2030-02-28T15:00:00+00:00")
    shell("submit", "note", "--id", "a", "--at", "2030-01-31T08:00", "--url", server.url)
    shell("submit", "note", "--id", "b", "--delay", "60", "--url", server.url)
    shell("reschedule", "b", "--at", "2030-01-31T09:00", "--url", server.url)
    due = {row["id"]: row["due_at"] for row in json.loads(run("jobs", *at).stdout)}
    assert due == {"a": "2030-01-30T23:00:00+00:00", "b": "2030-01-31T00:00:00+00:00"}


def test_what_cannot_be_meant_is_a_sentence(server: Server) -> None:
    """Wrong times and unknown names end with a sentence and an exit code; nothing is kept."""
    at = ("--url", server.url)
    for words, code, said in [
        (("add", "mine", "61 * * * *", "note"), 2, "cannot be used: bad minute"),
        (("add", "my name", "1s", "note"), 2, "name='my name' cannot be used"),
        (("add", "mine", "1s", "note", "--timezone", "Nowhere"), 2, "timezone='Nowhere' is not known here"),
        (("add", "mine", "15x", "note"), 2, 'give an interval such as "90s", "15min", "2h" or "1d"'),
        (("add", "mine", "15min", "note", "--timezone", "Europe/Berlin"), 2, "every 15 min is the same in all time"),
        (("add", "mine", "1s", "note", "--start", "soon"), 2, "--start 'soon' is no time"),
        (("add", "mine", "1s", "note", "--overlap", "both"), 2, "overlap='both' cannot be used"),
        (("add", "mine", "1s", "note", "--end", "0001-01-01T00:00+01:00"), 2, "is no time: write it as ISO 8601"),
        (("pause", "ghost"), 1, UNKNOWN),
        (("resume", "ghost"), 1, UNKNOWN),
        (("trigger", "ghost"), 1, UNKNOWN),
        (("change", "ghost", "1s"), 1, UNKNOWN),
        (("delete", "ghost"), 1, UNKNOWN),
    ]:
        result = run("schedules", *words, *at)
        assert (result.exit_code, said in result.stderr) == (code, True), (words, result.stderr)
    assert run("schedules", *at).stdout == "No schedules.\n"


def test_a_number_is_seconds(server: Server) -> None:
    """As an interval in Python is; for a schedule that is made and for one that is changed."""
    at = ("--url", server.url, "--json")
    made = json.loads(shell("schedules", "add", "mine", "60", "note", *at).stdout)
    changed = json.loads(shell("schedules", "change", "mine", "90.5", *at).stdout)
    assert (made["times"]["every"], changed["times"]["every"]) == (60.0, 90.5)


def test_help_names_every_command() -> None:
    """`nbqueue schedules --help` lists what can be done."""
    told = shell("schedules", "--help").stdout
    assert all(word in told for word in ("list", "add", "change", "pause", "resume", "trigger", "delete"))
