"""The command `nbqueue`: the stack, workers, jobs and their history, from a shell."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from nbqueue.cli.examples import with_example
from nbqueue.cli.spoken import EXIT_CODES, Spoken

__all__ = ["main"]

#: command -> the module of this folder that has it, which is loaded with its use; in the order of the help
COMMANDS: Mapping[str, str] = {
    "up": "stack", "down": "stack", "status": "stack", "top": "top", "worker": "worker", "submit": "job",
    "map": "mapping", "jobs": "jobs", "wait": "waiting", "result": "waiting", "cancel": "job", "retry": "removing",
    "requeue": "removing", "delete": "removing", "promote": "changing", "reschedule": "changing",
    "priority": "changing", "move": "removing", "logs": "job", "graph": "graph", "pause": "holding",
    "resume": "holding", "limits": "holding", "drain": "holding", "open": "holding", "clear": "removing",
    "history": "past", "retention": "keeping", "schedules": "schedules", "alerts": "alerts", "webhooks": "webhooks",
    "web": "web", "dashboard": "dashboard", "signing-key": "signing_keys", "acl": "acl",
    "demo": "past", "doctor": "doctor", "completion": "completion", "words": "words",
}  # fmt: skip


class Main(Spoken):
    """Commands that are loaded when they are used: one needs not what the others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """The command of that name."""
        return load(cmd_name) if cmd_name in COMMANDS else None


def load(name: str) -> click.Command:
    """A command, by its name."""
    found = vars(import_module(f"{__name__}.{COMMANDS[name]}")).values()
    command = next(each for each in found if isinstance(each, click.Command) and each.name == name)
    return with_example(name, command)


def _say_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted:
        import nbqueue

        click.echo(f"nbqueue {nbqueue.__version__}")
        ctx.exit()


main = Main(
    "nbqueue",
    {},
    help="Background jobs for Jupyter notebooks: look after servers, workers and jobs from a shell.",
    epilog="Exit codes: " + "; ".join(f"{code} {words}" for code, words in EXIT_CODES.items()) + ".",
    params=[
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_say_version,
            help="Show the version and exit.",
        )
    ],
)  # fmt: skip
