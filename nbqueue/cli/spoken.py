"""How commands end: an exit code, and where something went wrong one sentence and no traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click

from nbqueue.display import wording
from nbqueue.errors import ConfigurationError, NbqueueError

#: something went wrong, or not for all that was named
EXIT_FAILED = 1
#: what was given does not work; click's own code for it
EXIT_MISUSED = 2
#: no server answers
EXIT_NOT_RUNNING = 3
#: what was waited for has not ended
EXIT_NOT_ENDED = 4
EXIT_INTERRUPTED = 130
#: what each exit code says, for people
EXIT_CODES: Mapping[int, str] = {
    0: "done",
    EXIT_FAILED: "an error, or not done for all that was named",
    EXIT_MISUSED: "wrong usage: the same words would fail again",
    EXIT_NOT_RUNNING: "no server answers (`status`), or no worker serves (`worker --check`)",
    EXIT_NOT_ENDED: "not ended yet (`wait --timeout`, `result`)",
    EXIT_INTERRUPTED: "interrupted",
}
#: what a disk says that takes no more
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
#: how alike a command is that was meant, from 0 to 1
_NEAR = 0.7
#: characters of an error that are shown at most: it may hold the text of a job
SENTENCE_LIMIT = 2000


class Spoken(click.Group):
    """Commands whose errors are one sentence and an exit code."""

    def __init__(self, name: str, commands: dict[str, click.Command], **attributes: Any) -> None:
        super().__init__(name, commands, **attributes)
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; where there is none of that name, one that is nearly called so is named."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=_NEAR)
            if near and not args[0].startswith("-"):
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what went wrong is said in a sentence, never as a traceback."""
        try:
            return _written(super().invoke(ctx))
        except NbqueueError as error:
            click.echo(f"nbqueue: {wording.line(error, SENTENCE_LIMIT)}", err=True)
            ctx.exit(EXIT_MISUSED if isinstance(error, ConfigurationError) else EXIT_FAILED)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _drop_output()
            click.echo(f"nbqueue: the output cannot be written: {error.strerror}", err=True)
            ctx.exit(EXIT_FAILED)
        except KeyboardInterrupt:
            click.echo("nbqueue: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)


def _drop_output() -> None:
    """Let what is still to be written go nowhere: Python would try it again at its end, and fail again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _written(found: Any) -> Any:
    """The same, once what was printed is on its way."""
    sys.stdout.flush()
    return found
