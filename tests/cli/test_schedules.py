"""nbqueue schedules: kept, changed and run from a shell."""

import json
from pathlib import Path

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


def test_what_cannot_be_meant_is_a_sentence(server: Server) -> None:
    """Wrong times and unknown names end with a sentence and an exit code; nothing is kept."""
    at = ("--url", server.url)
    for words, code, said in [
        (("add", "mine", "61 * * * *", "note"), 2, "cannot be used: bad minute"),
        (("add", "my name", "1s", "note"), 2, "name='my name' cannot be used"),
        (("add", "mine", "1s", "note", "--timezone", "Nowhere"), 2, "timezone='Nowhere' is not known here"),
        (("add", "mine", "1s", "note", "--start", "soon"), 2, "--start 'soon' is no time"),
        (("add", "mine", "1s", "note", "--overlap", "both"), 2, "overlap='both' cannot be used"),
        (("pause", "ghost"), 1, 'knows no schedule "ghost"'),
        (("trigger", "ghost"), 1, 'knows no schedule "ghost"'),
        (("change", "ghost", "1s"), 1, 'knows no schedule "ghost"'),
    ]:
        result = run("schedules", *words, *at)
        assert (result.exit_code, said in result.stderr) == (code, True), (words, result.stderr)
    assert run("schedules", *at).stdout == "No schedules.\n"


def test_help_names_every_command() -> None:
    """`nbqueue schedules --help` lists what can be done."""
    told = shell("schedules", "--help").stdout
    assert all(word in told for word in ("list", "add", "change", "pause", "resume", "trigger", "delete"))
