"""The command that prints what a shell needs to complete `nbqueue`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

import click

from nbqueue.cli.shells import bash, fish, zsh
from nbqueue.cli.shells.table import Verb, verbs
from nbqueue.errors import ConfigurationError

SHELLS: Mapping[str, Callable[[Sequence[Verb]], str]] = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)), required=False)
@click.pass_context
def completion(ctx: click.Context, *, shell: str | None) -> None:
    """Print the script that lets a shell complete this command.

    Commands, options and what may stand behind them; queues, ids of jobs and groups, functions and schedules of the
    server, which is asked for at most half a second. Without a SHELL for that of $SHELL. Make it anew with each new
    version. Example:

    source <(nbqueue completion bash)
    """
    named = shell or PurePath(os.environ.get("SHELL", "")).name
    if named not in SHELLS:
        raise ConfigurationError(f"Say for which shell: nbqueue completion {'|'.join(SHELLS)}.")
    top = ctx.find_root().command
    assert isinstance(top, click.Group)  # noqa: S101 - it is what this was called by
    names = top.list_commands(ctx)
    click.echo(SHELLS[named](list(verbs(names, lambda name: _found(top, ctx, name)))), nl=False)


def _found(top: click.Group, ctx: click.Context, name: str) -> click.Command:
    found = top.get_command(ctx, name)
    if found is None:
        raise ConfigurationError(f"There is no command {name}.")
    return found
