"""What a shell completes behind `nbqueue`: in a real bash, with the words of a real server."""

import os
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.commands import run, shell
from tests.servers import Server, running_server
from tests.waiting import SLACK

#: what one look costs a machine that does nothing else
LOOK_S = 0.2
#: calls the function as bash does, and prints what it found, a line for each line that was typed
_ASK = """
source "$1"
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMPREPLY=()
    _nbqueue
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def full() -> Iterator[Server]:
    """A server that has jobs, a group and a schedule."""
    with running_server() as server:
        at = ("--url", server.url)
        for job_id, queue in (("night-1", "default"), ("night-2", "deep"), ("day-1", "deep")):
            run("submit", "reports.daily", "--id", job_id, "--queue", queue, *at)
        run("cancel", "day-1", *at)
        run("schedules", "add", "nightly", "0 6 * * *", "reports.daily", *at)
        yield server


@pytest.fixture
def environ(full: Server, tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that knows the command and the server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "nbqueue"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m nbqueue "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NBQUEUE_URL": full.url}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script for bash."""
    path = tmp_path / "nbqueue.bash"
    path.write_text(run("completion", "bash").stdout, encoding="utf-8")
    return path


def _completed(script: Path, environ: dict[str, str], *lines: str) -> list[str]:
    """What bash completes behind each of these lines."""
    found = subprocess.run(
        ["bash", "-c", _ASK, "bash", str(script)], input="\n".join(lines) + "\n", env=environ, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert found.stderr == ""
    return found.stdout.splitlines()


def test_words_of_the_command_need_no_server(script: Path, environ: dict[str, str]) -> None:
    """Commands, commands of commands, options and their choices come from the script itself."""
    nowhere = {**environ, "NBQUEUE_URL": "redis://127.0.0.1:1/0", "PATH": os.environ["PATH"]}
    lines = [
        "nbqueue comp", "nbqueue  sch", "nbqueue schedules t", "nbqueue jobs --fun",
        "nbqueue jobs --state c", "nbqueue jobs --state=ti", "nbqueue jobs --state queued --que",
        "nbqueue history --of t", "nbqueue jobs --url x --queue a --stat", "nbqueue nonsense ", "nbqueue submit f 1 ",
        "nbqueue wait a --timeout ",
    ]  # fmt: skip
    assert _completed(script, nowhere, *lines) == [
        "completion", "schedules", "trigger", "--function", "cancelled crashed", "timed_out", "--queue",
        "throughput timeline", "--state", "", "", "",
    ]  # fmt: skip


def test_words_of_the_server(script: Path, environ: dict[str, str], full: Server) -> None:
    """Queues, jobs that fit the command, and schedules are those of the server, of the one that the line names too."""
    elsewhere = {**environ, "NBQUEUE_URL": "redis://127.0.0.1:1/0"}
    lines = [
        "nbqueue clear de", "nbqueue jobs --queue=dee", "nbqueue cancel ni", "nbqueue cancel night-1 d",
        "nbqueue retry d", "nbqueue logs day", "nbqueue schedules pause ", "nbqueue submit f --after ni",
    ]  # fmt: skip
    assert _completed(script, environ, *lines) == [
        "deep default", "deep", "night-2 night-1", "", "day-1", "day-1", "nightly", "night-2 night-1",
    ]  # fmt: skip
    named = [f"nbqueue clear --url {full.url} de", f"nbqueue clear --url={full.url} --namespace x de"]
    assert _completed(script, elsewhere, "nbqueue clear de", *named) == ["", "deep default", ""]


def test_a_tab_in_bash(script: Path, environ: dict[str, str]) -> None:
    """At a prompt a tab writes the rest of the word."""
    prompt = {**environ, "PS1": "ready> ", "INPUTRC": "/dev/null", "HISTFILE": "/dev/null", "TERM": "dumb"}
    bash = pexpect.spawn("bash", ["--norc", "--noprofile"], env=prompt, encoding="utf-8", timeout=10 * SLACK)
    try:
        bash.expect_exact("ready> ")
        bash.sendline(f"source {script}")
        bash.expect_exact("ready> ")
        bash.send("nbqueue canc\tnight-2\t--ur\t")
        bash.expect_exact("nbqueue cancel night-2 --url ")
    finally:
        bash.close(force=True)


def test_a_look_is_quick(full: Server) -> None:
    """A shell waits less than 0.2 s for words of the server, on a machine that does nothing else."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = shell("words", "jobs", "night", "--url", full.url)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.stdout == "night-2\tqueued reports.daily\nnight-1\tqueued reports.daily\n"
    took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert took_s < LOOK_S * SLACK


@pytest.mark.parametrize(
    "words",
    [
        ("queues", "--url", "redis://127.0.0.1:1/0"), ("queues", "--url", "nonsense"), ("nonsense",), ("jobs",),
        ("jobs", "--home", "/no/where"), ("queues", "--url", "unix:///dev/null"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_silence_without_a_server(words: tuple[str, ...]) -> None:
    """Where nothing can be told nothing is said, and nothing is started."""
    found = run("words", *words)
    assert (found.exit_code, found.output) == (0, "")


def test_words_that_a_shell_would_run_are_left_out(full: Server) -> None:
    """A server on which somebody else wrote has no say in a shell."""
    with full.client() as client:
        client.sadd("evil:nbq:queues", "fine", "$(touch x)", "a b", "\x1b[31m", "-rf", "`x`", "caf\u00e9")
        client.hset("nbq:job:night-2", "label", "\x1b]0;title\x07red\n")
    assert run("words", "queues", "--url", full.url, "--namespace", "evil").stdout == "fine\n"
    assert run("words", "live", "night-2", "--url", full.url).stdout == "night-2\tqueued red\n"


def test_groups_and_functions(full: Server) -> None:
    """The id of a group is offered with those of jobs; functions are those of workers that run."""
    group = shell("map", "shop.score", "1", "2", "--namespace", "m", "--url", full.url).stdout.strip()
    found = run("words", "jobs", group, "--namespace", "m", "--url", full.url)
    assert found.stdout == f"{group}\tgroup shop.score\n"
    with full.client() as client:
        client.zadd("w:nbq:leases", {"engine": 9e15})
        client.hset("w:nbq:engine:engine", "functions", '["shop.solve", "shop.score", "$(x)"]')
    named = run("words", "functions", "shop.s", "--url", full.url, "--namespace", "w").stdout
    assert named == "shop.score\nshop.solve\n"


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_command_is_in_every_script(name: str) -> None:
    """All commands and their options are in the scripts of all shells; what is not for people is not."""
    text = run("completion", name).stdout
    for command in ("up", "requeue", "schedules", "trigger", "--dry-run" if name != "fish" else "dry-run"):
        assert command in text
    assert ("--beside" in text, "-l beside" in text) == (False, False)
    assert ("\x1b" in text, text.endswith("\n")) == (False, True)


def test_the_shell_is_that_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name the script is for $SHELL; of one that is not known it is said which are."""
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("completion").stdout == run("completion", "fish").stdout
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    found = run("completion")
    assert (found.exit_code, found.stderr) == (2, "nbqueue: Say for which shell: nbqueue completion bash|zsh|fish.\n")
