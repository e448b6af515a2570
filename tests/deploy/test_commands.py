"""Each call of nbqueue in deploy/ and on its page is one that the real command takes."""

import re
from dataclasses import fields

import click
import pytest

from nbqueue.cli import main
from nbqueue.cli.reach import ListingGroup
from nbqueue.model.settings import Settings
from tests.deploy.parts import DEPLOY, PAGE, SYSTEMD, CommandLine, command_lines

LINES = list(command_lines())
#: what a file of deploy/ is installed as, and files that must be there where a command is read
INSTALLED = {
    "/etc/nbqueue/default.toml": SYSTEMD / "default.toml",
    "alice.password": PAGE,
    **{f"1/{user}.password": PAGE for user in ("worker", "client", "viewer")},
}


@pytest.mark.parametrize("line", LINES, ids=str)
def test_the_command_takes_it(line: CommandLine) -> None:
    """Command, options and their values are known to the command."""
    _parse(main, [str(INSTALLED.get(word, word)) for word in line.words])


def test_lines_are_found_everywhere() -> None:
    """Each kind of file has calls that were looked at."""
    assert {line.place for line in LINES} == {
        "Dockerfile", "compose.yaml", "deployment.md", "kubernetes/base/web.yaml", "kubernetes/base/worker.yaml",
        "nbqueue-web.service", "nbqueue-worker.sbatch", "nbqueue-worker@.service", "secrets.sh",
    }  # fmt: skip


#: file, and what stands in it behind `nbqueue` in backticks
TOLD = [
    (path.name, line)
    for path in sorted(
        {*DEPLOY.rglob("*.yml"), *DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.md"), *DEPLOY.rglob("*.json")}
    )
    for line in re.findall(r"`nbqueue ([^`]*)`", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("place", "line"), TOLD, ids=lambda value: value)
def test_a_command_that_is_told_is_one(place: str, line: str) -> None:
    """What an alert or a panel says to run is understood."""
    words = re.sub(r"\{\{.*?\}\}", "a", line).split()
    try:
        _parse(main, words)
    except click.UsageError as error:
        pytest.fail(f"{place}: `nbqueue {line}`: {error.format_message()}")


def test_alerts_tell_commands() -> None:
    """They were looked at, also where a line ends in the middle of one."""
    assert {place for place, _ in TOLD} >= {"alerts.yml"}
    assert len([place for place, _ in TOLD if place == "alerts.yml"]) >= 9


def test_every_variable_is_known() -> None:
    """Each NBQUEUE_ variable that a file or the page names is a setting, or an option of a command."""
    texts = [path.read_text(encoding="utf-8") for path in (*DEPLOY.rglob("*"), PAGE) if path.is_file()]
    named = {name for text in texts for name in re.findall(r"\bNBQUEUE_([A-Z_]+)", text)}
    assert named - {field.name.upper() for field in fields(Settings)} - _options(main) == set()


def _parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Read the words as a shell's call would, and run nothing."""
    if isinstance(command, ListingGroup) and not words:
        return
    if isinstance(command, click.Group):
        context = click.Context(command, parent=parent, info_name="nbqueue")
        name, inner, rest = command.resolve_command(context, words)
        assert name is not None
        assert inner is not None
        _parse(inner, rest, context)
    else:
        command.make_context(command.name, words, parent=parent)


def _options(command: click.Command) -> set[str]:
    """The options of a command and of those below it, as the environment has them."""
    own = {word.lstrip("-").replace("-", "_").upper() for each in command.params for word in each.opts}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*map(_options, below))
