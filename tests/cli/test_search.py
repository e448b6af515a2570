"""Doing something from a shell to all jobs that are found: what is said before it, and what is asked."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

import nbqueue
from nbqueue.client.portal import shutdown
from tests.cli.commands import run
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

TASKS = """
import asyncio

import nbqueue

@nbqueue.task("double")
async def double(number):
    return 2 * number

@nbqueue.task("bad")
async def bad(why):
    await asyncio.sleep(0.01)
    raise ValueError(f"no {why}")
"""


@pytest.fixture
def at(server: Server, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The options that say where."""
    yield ("--url", server.url, "--home", str(tmp_path))
    shutdown()


@pytest.fixture
def failed(at: tuple[str, ...], tmp_path: Path) -> list[str]:
    """Jobs that have failed with "no 1", "no 22" and "no 333", beside one that succeeded; nobody works any more."""
    (tmp_path / "cli_search_tasks.py").write_text(TASKS, encoding="utf-8")
    with running_worker(nbqueue.Settings(url=at[1], home=tmp_path), "cli_search_tasks", modules=[tmp_path]):
        found = [submitted(at, "bad", number) for number in ("1", "22", "333")]
        submitted(at, "double", "1")
        wait_until(lambda: [*states(at).values()].count("failed") == 3 and "succeeded" in states(at).values())
    return found


def submitted(at: tuple[str, ...], *words: str) -> str:
    """The id of a new job."""
    return run("submit", *words, *at).stdout.strip()


def states(at: tuple[str, ...], *words: str) -> dict[str, str]:
    """The state of each job that is listed."""
    return {row["id"]: row["state"] for row in json.loads(run("jobs", "--json", *words, *at).stdout)}


def told(found: Result) -> tuple[int, str]:
    """Exit code and what was said beside the answers."""
    return found.exit_code, found.stderr


def test_what_failed_is_retried_by_its_error(at: tuple[str, ...], failed: list[str]) -> None:
    """A regular expression says which, --dry-run only how many; without a terminal nobody is asked."""
    search = ("--error-regex", r"^ValueError: no \d{2,}$", "--since", "1h")
    assert set(states(at, *search)) == set(failed[1:])
    said = "nbqueue: retrying 2 jobs of this search: 2 failed\n"
    dry = run("retry", *search, "--dry-run", *at)
    assert (told(dry), dry.stdout, len(states(at))) == ((0, said), "", 4)
    found = run("retry", *search, "--json", *at)
    assert (told(found), set(json.loads(found.stdout))) == ((0, said), set(failed[1:]))
    assert [*states(at).values()].count("queued") == 2
    none = run("retry", "--error", "KeyError", *at)
    assert (told(none), none.stdout) == ((0, "nbqueue: retrying 0 jobs of this search\n"), "")


def test_what_is_found_is_cancelled_and_forgotten(at: tuple[str, ...], failed: list[str]) -> None:
    """What a verb leaves as it is is told; without a state all that it can touch is looked for."""
    waiting = submitted(at, "double", "1", "--tag", "mine")
    found = run("cancel", "--state", "queued", "--state", "failed", *at)
    assert told(found) == (0, "nbqueue: cancelling 1 of 4 jobs of this search: 1 queued; 3 failed are left\n")
    assert found.stdout == f"{waiting}  cancelled\n"
    assert told(run("cancel", "--tag", "mine", *at))[1] == "nbqueue: cancelling 0 jobs of this search\n"
    found = run("delete", "--queue", "default", "--function", "bad", *at)
    assert told(found) == (0, "nbqueue: deleting 3 jobs of this search: 3 failed\n")
    assert set(found.stdout.splitlines()) == {f"{job_id}  deleted" for job_id in failed}
    assert failed[0] not in states(at)
    assert told(run("delete", failed[0], *at))[0] == 1


def test_what_is_found_is_requeued(at: tuple[str, ...], failed: list[str]) -> None:
    """What waits is moved, what failed is submitted again where it is to go; by ids too."""
    waiting = submitted(at, "double", "1", "--tag", "mine")
    found = run("requeue", "--state", "failed", "--state", "queued", "--to", "night", "--json", *at)
    assert told(found) == (
        0, 'nbqueue: requeueing 4 jobs of this search into queue "night": 1 queued, 3 failed\n',
    )  # fmt: skip
    new = json.loads(found.stdout)
    assert (set(new), new[waiting]) == ({*failed, waiting}, waiting)
    assert set(states(at, "--queue", "night")) == set(new.values())
    found = run("requeue", waiting, failed[0], "nobody", "--to", "night", "--json", *at)
    assert (found.exit_code, list(json.loads(found.stdout))) == (1, [failed[0]])
    assert "requeueing 1 of 2 jobs of those named" in found.stderr
    assert 'The server knows no job "nobody"' in found.stderr


def test_what_failed_for_good_is_retried_as_what_is_found(at: tuple[str, ...], failed: list[str]) -> None:
    """--dead says first how many, and only that with --dry-run; --json has the counts; at a terminal it is asked."""
    said = 'nbqueue: retrying 3 jobs of queue "default" that failed: 3 failed\n'
    dry = run("retry", "--dead", "default", "--dry-run", "--json", *at)
    counts = {"verb": "retry", "jobs": 3, "touched": {"failed": 3}, "left": {}, "retried": 0}
    assert (told(dry), json.loads(dry.stdout)) == ((0, said), counts)
    code, shown = at_terminal("n", "retry", "--dead", "default", *at)
    assert (code, "Go on? [y/N]: " in shown, len(states(at))) == (1, True, 4)
    found = run("retry", "--dead", "default", "--yes", "--json", *at)
    assert (told(found), set(json.loads(found.stdout))) == ((0, said), set(failed))
    assert [*states(at).values()].count("queued") == 3


def test_what_was_retried_is_left_unless_it_is_wanted_again(at: tuple[str, ...], failed: list[str]) -> None:
    """The same search makes no jobs twice; --again does."""
    search = ("--state", "failed", "--json")
    assert set(json.loads(run("retry", *search, *at).stdout)) == set(failed)
    said = "nbqueue: {} none of 3 jobs of this search: 3 were retried already\n"
    for verb, doing in (("retry", "retrying"), ("requeue", "requeueing")):
        found = run(verb, *search, *at)
        assert (told(found), found.stdout) == ((0, said.format(doing)), "{}\n")
    dry = json.loads(run("retry", *search, "--dry-run", *at).stdout)
    assert (dry["jobs"], dry["retried"]) == (0, 3)
    assert [*states(at).values()].count("queued") == 3
    assert set(json.loads(run("retry", *search, "--again", *at).stdout)) == set(failed)
    assert set(json.loads(run("requeue", *search, "--again", "--to", "night", *at).stdout)) == set(failed)
    assert [*states(at).values()].count("queued") == 9
    assert set(json.loads(run("retry", failed[0], "--json", *at).stdout)) == {failed[0]}


def test_slow_jobs_are_listed(at: tuple[str, ...], failed: list[str]) -> None:
    """By the time of their last attempt."""
    assert set(states(at, "--slower-than", "0s", "--state", "failed")) == set(failed)
    assert states(at, "--slower-than", "5min") == {}
    assert states(at, "--until", "1h") == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("retry", "`nbqueue retry` takes ids, or options that say which jobs, such as --state and --queue: both are"),
        ("cancel a --tag b", "`nbqueue cancel` takes ids, or options that say which jobs, such as --state and --queue"),
        ("delete a --yes", "--yes and --dry-run are of a search: what is named by its id is done without a question."),
        ("retry a --again", "--again is of a search: what is named by its id is retried in any case."),
        ("retry --dead a --again", "--dead 'a' means all that failed for good in a queue: leave the ids and the other"),
        ("retry --dead a --tag b", "--dead 'a' means all that failed for good in a queue: leave the ids and the"),
        ("jobs --error-regex (", "--error-regex '(' is no regular expression: missing ), unterminated subpattern"),
        ("jobs --error a --error-regex b", "--error and --error-regex were given together: give one of them."),
        ("jobs --slower-than soon", "--slower-than='soon' is no duration: give seconds, or text such as 90s, 5min"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: str, sentence: str, at: tuple[str, ...]) -> None:
    """In a sentence, and nothing is done."""
    found = run(*words.split(), *at)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"nbqueue: {sentence}")


@pytest.mark.parametrize(("answer", "left"), [("n", 0), ("y", 1)])
def test_a_terminal_is_asked(at: tuple[str, ...], answer: str, left: int) -> None:
    """Whether to go on, with the number before it; No does nothing. With --yes nobody is asked."""
    submitted(at, "double", "1")
    code, shown = at_terminal(answer, "cancel", "--state", "queued", *at)
    assert re.search(r"cancelling 1 job of this search: 1 queued\s+Go on\? \[y/N\]: ", shown)
    assert (code, [*states(at).values()].count("cancelled")) == (1 - left, left)
    assert "Go on?" not in at_terminal("", "cancel", "--function", "double", "--yes", *at)[1]
    assert set(states(at).values()) == {"cancelled"}


def at_terminal(answer: str, *words: str) -> tuple[int, str]:
    """The exit code of a command at a terminal where somebody answers, and what was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nbqueue", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        shown = b""
        while part := _read(ours):
            shown += part
        code = process.wait(30)
    os.close(ours)
    return code, shown.decode()


def _read(terminal: int) -> bytes:
    """What is shown next; nothing when all have left the terminal."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
