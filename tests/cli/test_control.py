"""Holding back, limiting, clearing and retrying from a shell."""

import json
from pathlib import Path

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from tests.cli.commands import run
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

TASKS = """
import nbqueue

@nbqueue.task("double")
async def double(number):
    return 2 * number

@nbqueue.task("bad")
async def bad():
    raise ValueError("no way")
"""


@pytest.fixture
def at(server: Server, tmp_path: Path) -> tuple[str, ...]:
    """The options that say where."""
    return ("--url", server.url, "--home", str(tmp_path))


def _submit(at: tuple[str, ...], *words: str) -> str:
    found = run("submit", *words, *at)
    assert found.exit_code == 0, found.output
    return found.stdout.strip()


def _states(at: tuple[str, ...]) -> dict[str, str]:
    return {row["id"]: row["state"] for row in json.loads(run("jobs", "--json", "--limit", "100", *at).stdout)}


def _dead(at: tuple[str, ...], queue: str, *words: str) -> list[str]:
    return [row["id"] for row in json.loads(run("jobs", "--dead", queue, *words, "--json", *at).stdout)]


def test_what_is_paused_is_listed_and_resumed(at: tuple[str, ...]) -> None:
    """A queue, a function or a tag; one at a time."""
    assert run("pause", "--function", "double", *at).exit_code == 0
    assert run("pause", "--tag", "night", *at).exit_code == 0
    assert run("pause", "--queue", "default", *at).exit_code == 0
    assert run("pause", *at).stdout.splitlines() == ["f:double", "q:default", "t:night"]
    for words in (("--function", "double"), ("--tag", "night"), ("--queue", "default")):
        assert run("resume", *words, *at).exit_code == 0
    assert run("pause", *at).stdout == ""


def test_a_queue_that_nobody_knows(at: tuple[str, ...]) -> None:
    """It is held back ahead, as was said, with a word that it may be a slip."""
    strange = 'nbqueue: queue "typo": no job was submitted to it yet, and no worker serves it\n'
    cleared = run("clear", "typo", *at)
    assert (cleared.exit_code, cleared.stdout, cleared.stderr) == (0, "0\n", strange)
    for words, said in (
        ("pause --queue typo", "queue typo: paused\n"), ("resume --queue typo", "queue typo: resumed\n"),
        ("drain typo", "queue typo: drained\n"), ("open typo", "queue typo: open\n"),
    ):  # fmt: skip
        found = run(*words.split(), *at)
        assert (found.exit_code, found.stdout, found.stderr) == (0, said, strange)
    for words in ("limits --queue typo --rate 5/s", "retention typo --age 5d"):
        assert run(*words.split(), *at).stderr == strange
    _submit(at, "double", "1", "--queue", "known")
    assert run("pause", "--queue", "known", *at).stderr == ""
    empty = run("pause", "--queue", "", *at)
    assert (empty.exit_code, empty.stderr) == (2, "nbqueue: --queue '' names none: give the name of a queue.\n")


def test_what_had_ended_is_not_done(at: tuple[str, ...]) -> None:
    """Named by its own id it ends a command with 1; of a group it is left, as it is not concerned."""
    group = run("map", "double", "1", "2", *at).stdout.strip()
    first, second = _states(at)
    assert run("cancel", first, *at).exit_code == 0
    assert [run(*words.split(), *at).exit_code for words in (
        f"promote {first}", f"priority {first} --to 5", f"reschedule {first} --delay 5", f"move {first} --to b",
    )] == [1, 1, 1, 1]  # fmt: skip
    assert run("cancel", first, *at).exit_code == 0
    for words in (f"priority {group} --to 5", f"move {group} --to b", f"cancel {group}"):
        found = run(*words.split(), *at)
        assert (found.exit_code, second in found.stdout) == (0, True)


HELD = "give one of --queue, --function, --tag and --group."
LIMITED = "give one of --queue, --function and --key."
NOT_BOTH = "--remove takes a limit away, --rate and --concurrency set one: give --remove or numbers."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("pause --queue a --tag b", f"--queue 'a' and --tag 'b' were given together: {HELD}"),
        ("resume --function f --group g", f"--function 'f' and --group 'g' were given together: {HELD}"),
        ("resume", f"Say what is meant: {HELD}"),
        ("limits --queue a --key b", f"--queue 'a' and --key 'b' were given together: {LIMITED}"),
        ("limits --rate 5/s", f"Say what is meant: {LIMITED}"),
        ("limits --remove", f"Say what is meant: {LIMITED}"),
        ("limits --key a --remove --rate 5/s", NOT_BOTH),
    ],
)
def test_one_thing_is_held_back_or_limited_at_a_time(words: str, sentence: str, at: tuple[str, ...]) -> None:
    """What came is named, and what was allowed; nothing is changed."""
    refused = run(*words.split(), *at)
    assert (refused.exit_code, refused.stderr) == (2, f"nbqueue: {sentence}\n")
    assert (run("pause", *at).stdout, run("limits", *at).stdout) == ("", "None.\n")


def test_limits_are_set_listed_and_taken_away(at: tuple[str, ...]) -> None:
    """For a queue, a function or a key."""
    assert run("limits", "--key", "api", "--rate", "20/min", *at).exit_code == 0
    assert run("limits", "--queue", "default", "--concurrency", "3", *at).exit_code == 0
    assert json.loads(run("limits", "--json", *at).stdout) == {
        "k:api": {"rate": 20, "per_ms": 60000}, "q:default": {"concurrency": 3},
    }  # fmt: skip
    assert json.loads(run("limits", "--key", "api", "--json", *at).stdout) == {"k:api": {"rate": 20, "per_ms": 60000}}
    assert run("limits", "--queue", "default", *at).stdout.splitlines()[1].split() == ["q:default", "3", "at", "once"]
    assert run("limits", "--function", "double", *at).stdout == "None.\n"
    assert run("limits", "--key", "api", "--remove", *at).exit_code == 0
    assert list(json.loads(run("limits", "--json", *at).stdout)) == ["q:default"]
    assert run("limits", "--queue", "default", "--remove", *at).exit_code == 0
    assert run("limits", *at).stdout.strip() == "None."
    assert "cannot be read" in run("limits", "--key", "api", "--rate", "often", *at).stderr


def test_every_option_of_a_job_can_be_given(at: tuple[str, ...]) -> None:
    """They are those of `options(...)`, and are refused in the same words."""
    first = _submit(at, "double", "1", "--queue", "other", "--cache", "60", "--preset", "evaluation")
    assert _submit(at, "double", "1", "--queue", "other", "--cache", "60") == first
    many = ("--resource", "gpu=1", "--rate", "5/s", "--limit-key", "k", "--at", "2030-01-31T08:00+01:00")
    after = _submit(at, "double", "2", "--queue", "other", "--after", first, "--on-parent-failure", "skip", *many)
    assert _states(at) == {first: "queued", after: "scheduled"}
    assert run("cancel", first, *at).exit_code == 0
    refused = run("submit", "double", "1", "--after", "nobody", *at)
    assert (refused.exit_code, refused.stderr) == (
        1, 'nbqueue: The server knows no job or group "nobody" to wait for: submit it first.\n',
    )  # fmt: skip
    assert (
        "unique and cache cannot be used together"
        in run("submit", "double", "--unique", "1", "--cache", "1", *at).stderr
    )


def test_jobs_are_moved_deleted_and_cleared(at: tuple[str, ...]) -> None:
    """Each answers what it did."""
    ids = [_submit(at, "double", str(number), "--queue", "a") for number in range(4)]
    assert run("move", ids[0], "--to", "b", *at).exit_code == 0
    assert {row["queue"] for row in json.loads(run("jobs", "--json", "--queue", "b", *at).stdout)} == {"b"}
    assert run("delete", ids[1], *at).stdout == f"{ids[1]}  deleted\n"
    assert run("delete", ids[1], *at).exit_code == 1
    assert run("clear", "a", "--older-than", "1d", *at).stdout == "0\n"
    assert run("clear", "a", *at).stdout == "2\n"
    assert _states(at) == {ids[0]: "queued"}
    assert run("clear", "b", *at).stdout == "1\n"


def test_what_failed_is_retried_and_a_queue_is_drained(at: tuple[str, ...], server: Server, tmp_path: Path) -> None:
    """`jobs --dead` lists what failed for good, `retry --dead` makes jobs of it; `drain` waits, `open` undoes it."""
    (tmp_path / "cli_control_tasks.py").write_text(TASKS, encoding="utf-8")
    settings = nbqueue.configure(url=server.url, home=tmp_path)
    with running_worker(settings, "cli_control_tasks", modules=[tmp_path]):
        failed = _submit(at, "bad")
        wait_until(lambda: _states(at)[failed] == "failed")
        assert _dead(at, "default") == _dead(at, "default", "--since", "1h") == [failed]
        assert _dead(at, "other") == []
        again = json.loads(run("retry", "--dead", "default", "--json", *at).stdout)
        assert list(again) == [failed]
        wait_until(lambda: _states(at)[again[failed]] == "failed")
        assert _dead(at, "default") == [again[failed]]
        assert run("drain", "default", *at).exit_code == 0
        assert "takes no more jobs" in run("submit", "double", "1", *at).stderr
        assert run("open", "default", *at).exit_code == 0
        assert run("submit", "double", "1", "--wait", *at).stdout == "2\n"
    shutdown()


def test_the_view_of_the_dead_is_narrowed_by_age_alone(at: tuple[str, ...]) -> None:
    """What came beside it is named, and what may."""
    assert run("jobs", "--dead", "default", *at).stdout == "No jobs.\n"
    refused = run("jobs", "--dead", "default", "--state", "queued", "--tag", "night", *at)
    came = "nbqueue: --dead 'default' takes no --state and no --tag: "
    assert (refused.exit_code, refused.stderr) == (
        2, f"{came}it lists all that failed for good in a queue; narrow it by --since or --limit.\n",
    )  # fmt: skip
    assert run("jobs", "--dead", "a,b", *at).exit_code == 2


def test_jobs_are_found_by_what_is_known_of_them(at: tuple[str, ...]) -> None:
    """By function, tag, error and age, as `jobs.where` finds them."""
    tagged, other = _submit(at, "double", "1", "--tag", "night"), _submit(at, "treble", "1")

    def found(*words: str) -> set[str]:
        answer = run("jobs", "--json", *words, *at)
        assert answer.exit_code == 0, answer.stderr
        return {row["id"] for row in json.loads(answer.stdout)}

    assert (found("--tag", "night"), found("--function", "treble")) == ({tagged}, {other})
    assert (found("--since", "1h"), found("--since", "1h", "--state", "failed")) == ({tagged, other}, set())
    assert found("--error", "ValueError") == set()
    assert "there are more" in run("jobs", "--since", "1h", "--limit", "1", *at).stderr
    _submit(at, "double", "1", "--resource", "gpu=2")
    assert 'no worker serves queue "default"' in run("jobs", *at).stderr
    with running_worker(nbqueue.Settings(url=at[1], home=Path(at[3])), "--resources", "gpu=1"):
        lacks = 'nbqueue: no worker that serves queue "default" offers gpu=2: start one with'
        wait_until(lambda: lacks in run("jobs", *at).stderr)
        short = 'no worker that serves queue "default" offers gpu=2'
        assert any(line.endswith(short) for line in run("jobs", *at).stdout.splitlines())
        _submit(at, "double", "1", "--queue", "held")
        run("pause", "--queue", "held", *at)
        listed = run("jobs", *at).stdout.splitlines()
        assert listed[0].split()[-1] == "WHY"
        assert next(line for line in listed if "  held  " in line).endswith('queue "held" is paused')
    refused = run("jobs", "--since", "soon", *at)
    assert (refused.exit_code, "--since 'soon' is no time" in refused.stderr) == (2, True)
