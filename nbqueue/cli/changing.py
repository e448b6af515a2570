"""Commands that change jobs that wait: promote, reschedule, priority."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import click

from nbqueue.broker import changes, scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call
from nbqueue.cli import tables
from nbqueue.cli.durations import SECONDS
from nbqueue.cli.moments import FORM, moment
from nbqueue.cli.reach import Server, as_json, asking, leave, with_settings
from nbqueue.cli.spoken import EXIT_FAILED
from nbqueue.cli.works import METAVAR, are_done, in_chunks, jobs_of
from nbqueue.errors import ConfigurationError
from nbqueue.model import durations
from nbqueue.model.options import check
from nbqueue.model.settings import Settings

#: what the server answers, in words; any other answer is the state in which a job had ended
_WORDS = {
    changes.CHANGED: "changed",
    changes.UNKNOWN: "unknown",
    changes.RUNNING: "already running",
    changes.BLOCKED: "waits for other jobs",
    changes.LATE: "expires before",
}
#: answers that end a command with 1, also where the job is one of a group
_REFUSED = tuple(_WORDS[answer] for answer in (changes.UNKNOWN, changes.BLOCKED, changes.LATE))

_DONE = (_WORDS[changes.CHANGED],)

_ids = click.argument("job_ids", nargs=-1, required=True, metavar=METAVAR)


@click.command()
@_ids
@as_json
@with_settings
def promote(settings: Settings, *, job_ids: tuple[str, ...], json_wanted: bool) -> None:
    """Let waiting jobs start now.

    Whatever their delay or their wait for another try; their priority counts as before. The id of a group stands for
    all of its jobs.

    Answers: changed, already running, unknown, or "already" and how it had ended. Exit code 1 if one is unknown,
    waits for other jobs, or had ended and was named by its own id.
    """
    _change(settings, job_ids, changes.promote, done=(*_DONE, _WORDS[changes.RUNNING]), json_wanted=json_wanted)


@click.command()
@_ids
@click.option("--delay", type=SECONDS, metavar="S", help="Seconds from now, on the server's clock.")
@click.option("--at", metavar="TIME", help=FORM)
@as_json
@with_settings
def reschedule(
    settings: Settings, *, job_ids: tuple[str, ...], delay: float | None, at: str | None, json_wanted: bool
) -> None:
    """Let waiting jobs start at another time.

    Answers and exit codes as of `promote`; one that runs already or expires before that time stays as it is, with exit
    code 1.
    """
    if (delay is None) == (at is None):
        raise ConfigurationError("reschedule takes --delay S or --at TIME, one of them.")
    due = check(delay=delay, at=None if at is None else moment(at, "--at"))

    def change(keys: Keys, ids: Sequence[str]) -> Call[list[str]]:
        return changes.reschedule(keys, ids, delay_s=due.delay, at=due.at)

    _change(settings, job_ids, change, json_wanted=json_wanted)


@click.command()
@_ids
@click.option("--to", "value", required=True, metavar="P",
              help="high, normal, low or an integer from -99 to 99; more is sooner.")  # fmt: skip
@as_json
@with_settings
def priority(settings: Settings, *, job_ids: tuple[str, ...], value: str, json_wanted: bool) -> None:
    """Give waiting jobs another priority.

    Among jobs of the same priority each keeps its place. Answers and exit codes as of `reschedule`.
    """
    number = durations.priority(int(value) if re.fullmatch(r"-?\d{1,3}", value) else value)

    def change(keys: Keys, ids: Sequence[str]) -> Call[list[str]]:
        return changes.set_priority(keys, ids, number)

    _change(settings, job_ids, change, json_wanted=json_wanted)


def _change(
    settings: Settings,
    job_ids: tuple[str, ...],
    change: Callable[[Keys, Sequence[str]], Call[list[str]]],
    *,
    json_wanted: bool,
    done: Sequence[str] = _DONE,
) -> None:
    async def act(server: Server) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in in_chunks(await jobs_of(server.ask, server.keys, job_ids)):
            call = change(server.keys, part)
            found |= zip(part, await server.ask(lambda client: scripts.run(client, call)), strict=True)  # noqa: B023
        return found

    found = asking(settings, act)
    answers = {job_id: _WORDS.get(answer, f"already {answer}") for job_id, answer in found.items()}
    tables.print_answers(answers, json_wanted=json_wanted)
    leave(0 if are_done(answers, job_ids, done=done, faults=_REFUSED) else EXIT_FAILED)
