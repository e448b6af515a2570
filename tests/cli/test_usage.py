"""The command as a whole: help, wrong usage, errors and exit codes."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import nbqueue
from nbqueue.cli import COMMANDS as EVERY
from nbqueue.cli import load
from nbqueue.cli.examples import EXAMPLES
from nbqueue.cli.spoken import EXIT_CODES
from nbqueue.cli.variables import slips
from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.waiting import wait_until

#: those that are for people
COMMANDS = [name for name in EVERY if not load(name).hidden]


def test_help_lists_every_command() -> None:
    """`nbqueue --help` names all commands, each with a sentence that is not cut."""
    text = run("--help").stdout.partition("Exit codes:")[0]
    lines = [line.strip() for line in text.splitlines()]
    for name in COMMANDS:
        [line] = [line for line in lines if line.startswith(name + " ")]
        assert line.endswith(".")
        assert not line.endswith("...")


#: commands with what stands behind them: those of a group by themselves
LEAVES = [
    (name, *more)
    for name in COMMANDS
    for command in [load(name)]
    for more in ([(each,) for each in command.commands] if isinstance(command, click.Group) else [()])
]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    """`--help` works for each command, and says what it does and how its server is chosen, with an example."""
    found = run(*words, "--help")
    asks = words != ("completion",)
    assert (found.exit_code, "--url" in found.stdout, "--home" in found.stdout) == (0, asks, asks)
    assert "xample:" in found.stdout or "For example" in found.stdout


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_examples_are_commands(example: str) -> None:
    """What an example says is understood: the command, its options and what stands behind them."""
    _, *words = shlex.split(re.split(r" (?:&&|\||<|>) ", example)[0])
    command: click.Command = load(words[0])
    while isinstance(command, click.Group) and len(words) > 1 and words[1] in command.commands:
        command = command.commands[words.pop(1)]
    command.make_context(words[0], words[1:]).close()


def test_exit_codes_are_told() -> None:
    """`nbqueue --help` says what each exit code means."""
    text = " ".join(run("--help").stdout.split())
    assert [code for code, words in EXIT_CODES.items() if f"{code} {words}" not in text] == []


def test_a_command_loads_only_what_it_needs() -> None:
    """`nbqueue --version` and a word for a shell load neither a client of Redis nor the other commands."""
    code = "import sys; from nbqueue.cli import load; load('words'); print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"redis", "asyncio", "rich", "cloudpickle", "nbqueue.cli.reach", "nbqueue.cli.jobs"}
    assert heavy & set(loaded) == set()


def test_the_package_runs_as_the_command() -> None:
    """`python -m nbqueue` is the command."""
    assert shell("--help").stdout.startswith("Usage: nbqueue [OPTIONS] COMMAND")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "words", "sentence"),
    [
        (
            1,
            ["jobs", "--url", "redis://127.0.0.1:1/0"],
            "nbqueue: The server at redis://127.0.0.1:1/0 cannot be reached",
        ),
        (2, ["jobs", "--url", "http://x"], 'nbqueue: NBQUEUE_URL begins with "http://"'),
        (1, ["jobs"], "nbqueue: No local stack runs in"),
        (2, ["history", "--since", "soon", "--url", "{server}"], "nbqueue: --since 'soon' is no time"),
        (2, ["up", "--url", "redis://host"], "nbqueue: `nbqueue up` starts the local stack"),
        (2, ["submit", "f", "text", "--url", "{server}"], "nbqueue: Argument 1 is no JSON: 'text'"),
        (2, ["cancel", "a/b", "--url", "{server}"], "nbqueue: job_id='a/b' cannot be used"),
        (2, ["jobs", "--queue", "a,b", "--url", "{server}"], "nbqueue: queue='a,b' cannot be used"),
        (2, ["worker", "no.such", "--url", "{server}"], "nbqueue: There is no module 'no.such' in /tmp/"),
        (2, ["worker", "json:loads"], "nbqueue: json:loads is no arq settings"),
        (2, ["worker", "--queues", ",", "--url", "{server}"], "nbqueue: --queues ',' names no queue"),
    ],
)
def test_an_error_is_one_sentence(code: int, words: list[str], sentence: str, server: Server) -> None:
    """What went wrong stands on stderr without a traceback, and the code is 2 where trying again cannot help."""
    found = run(*(word.format(server=server.url) for word in words))
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (code, "", 1)
    assert found.stderr.startswith(sentence)


def test_the_version() -> None:
    """`nbqueue --version` says which one is installed."""
    assert run("--version").stdout == f"nbqueue {nbqueue.__version__}\n"


def test_wrong_usage_is_exit_code_2() -> None:
    """An unknown option or command ends with 2."""
    assert [run("jobs", "--nonsense").exit_code, run("nonsense").exit_code, run("cancel").exit_code] == [2, 2, 2]


@pytest.mark.usefixtures("impatient")
def test_a_password_is_not_repeated() -> None:
    """An unreachable server is named without the password of its URL."""
    found = run("jobs", "--url", "redis://user:hunter2@127.0.0.1:1/0")
    assert "hunter2" not in found.output
    assert "127.0.0.1:1" in found.stderr


def test_ctrl_c_ends_with_130(server: Server) -> None:
    """An interrupted command says so in a line, without a traceback."""
    shell("submit", "nothing.has.it", "--id", "waits", "--url", server.url)
    with server.client() as client:
        client.config_resetstat()
    with running("logs", "waits", "-f", "--url", server.url) as process:
        with server.client() as client:
            wait_until(lambda: client.info("commandstats").get("cmdstat_lrange"))
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=10)
        assert (process.returncode, output) == (130, "nbqueue: interrupted\n")


def test_what_was_meant(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in a command, a number, a variable or a choice is told in a sentence that helps."""
    assert "No such command 'statsu'. Did you mean 'status'?" in run("statsu").stderr
    assert "No such command 'frobnicate'.\n" in run("frobnicate").stderr
    assert "'two' is not a valid whole number" in run("worker", "--slots", "two").stderr
    assert "Missing option '--role'. Give one of" in run("acl").stderr
    for verb, does in (("up", "starts"), ("down", "stops")):
        assert (
            f"`nbqueue {verb}` {does} the local stack, but a server is given" in run(verb, "--url", "redis://x").stderr
        )
    monkeypatch.setenv("NBQUEUE_DRAIN_TIMEUOT", "3")
    said = "nobody reads NBQUEUE_DRAIN_TIMEUOT: did you mean NBQUEUE_DRAIN_TIMEOUT?"
    assert said in run("doctor", "--url", server.url).stdout
    assert list(slips({"NBQUEUE_DRAIN_TIMEOUT": "3", "NBQUEUE_QUITE_ELSE": "", "NBQUEUE_PORT": "1"})) == []


def test_a_full_disk(server: Server) -> None:
    """Where nothing can be written a sentence says so, and no traceback."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        found = subprocess.run(
            [sys.executable, "-m", "nbqueue", "jobs", "--url", server.url],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (found.returncode, found.stderr) == (1, "nbqueue: the output cannot be written: No space left on device\n")
