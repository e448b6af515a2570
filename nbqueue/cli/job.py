"""Commands for single jobs: submit, cancel, logs."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

import nbqueue
from nbqueue.broker import jobs as wire
from nbqueue.broker import reported, scripts
from nbqueue.cli import tables
from nbqueue.cli.job_options import job_options, read
from nbqueue.cli.reach import Server, as_json, asking, leave, with_settings
from nbqueue.cli.searching import Search, is_search, meant, searching
from nbqueue.cli.session import here
from nbqueue.cli.spoken import EXIT_FAILED
from nbqueue.cli.submitting import submitting, waited, warned
from nbqueue.cli.values import read_arguments, shown
from nbqueue.cli.works import METAVAR, are_done, in_chunks, jobs_of
from nbqueue.display import wording
from nbqueue.errors import JobLost
from nbqueue.model import names
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings

_FOLLOW_PAUSE_S = 0.3


@click.command()
@click.argument("name")
@click.argument("arguments", nargs=-1)
@job_options()
@click.option("--wait", is_flag=True, help="Wait for its end and print its result; exit code 1 unless it succeeded.")
@as_json
@with_settings
def submit(
    settings: Settings, *, name: str, arguments: tuple[str, ...], wait: bool, json_wanted: bool, **options: Any
) -> None:
    """Submit a registered function by its name.

    Prints the job's id. NAME is what workers know the function by: what its @task says, as in @task("reports.daily"),
    or else the function's own name. The module is no part of it.

    ARGUMENTS are JSON: 5, '"text"', '[1, 2]'; with name=JSON for keywords. Example:

    nbqueue submit reports.daily '"2026-01-01"' limit=5
    """
    args, kwargs = read_arguments(arguments)
    with submitting(settings):
        job = nbqueue.options(**read(options)).submit(name, *args, **kwargs).wait()
    if not wait:
        warned(job, name)
    result = waited(job.wait, job) if wait else None
    if json_wanted:
        tables.print_json({"id": job.id, "existed": job.existed, **({"result": result} if wait else {})})
    else:
        click.echo(shown(result) if wait else job.id)


@click.command()
@click.argument("job_ids", nargs=-1, metavar=f"[{METAVAR}]")
@searching
@as_json
@with_settings
def cancel(settings: Settings, *, job_ids: tuple[str, ...], search: Search, json_wanted: bool) -> None:
    """Cancel jobs.

    Those that wait end at once; those that run are asked to stop, and then made to. The id of a group stands for all of
    its jobs. Without ids the options that `nbqueue jobs` takes say which: how many they are is told first, and at a
    terminal it is asked whether to go on.

    Answers: cancelled, asked (it runs, and its worker was told), unknown, or "already" and how it had ended before.
    Exit code 1 if one is unknown, or had ended otherwise that was named by its own id.
    """
    if is_search("cancel", job_ids, search):
        with here(settings):
            found = meant("cancel", search, json_wanted=json_wanted)

    async def act(server: Server) -> dict[str, str]:
        ids = found if search.narrow else await jobs_of(server.ask, server.keys, job_ids)
        answers: dict[str, str] = {}
        for part in in_chunks(ids):
            call = wire.cancel(server.keys, part)
            told = await server.ask(lambda client: scripts.run(client, call))  # noqa: B023
            answers |= zip(part, map(_answer, told), strict=True)
        return answers

    answers = asking(settings, act)
    tables.print_answers(answers, json_wanted=json_wanted)
    leave(0 if are_done(answers, job_ids, done=("cancelled", "asked", "already cancelled")) else EXIT_FAILED)


def _answer(found: str) -> str:
    """A server's answer to a cancel, in words."""
    if found == "removed":
        return "cancelled"
    return found if found in {"asked", "unknown"} else f"already {found}"


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@with_settings
def logs(settings: Settings, *, job_id: str, follow: bool) -> None:
    """Print the log of a job.

    It is kept as far as about a megabyte back. It is text, and there is no --json. On a terminal only colours are left
    of what steers it; into a file or a pipe the log goes as it is.
    """
    names.check_job_id(job_id)
    asking(settings, lambda server: _follow(server, job_id) if follow else _print_whole(server, job_id))


async def _print_whole(server: Server, job_id: str) -> None:
    await _record(server, job_id)
    _print_log(await server.ask(lambda client: reported.log(client, server.keys, job_id)))


async def _follow(server: Server, job_id: str) -> None:
    """Print what comes after what was printed, until the end."""
    place, ended = 0, False
    while not ended:
        # the state first: whatever is written before the end is then in the log
        ended = (await _record(server, job_id)).state.is_final
        text, place = await server.ask(lambda client: reported.log_after(client, server.keys, job_id, place))  # noqa: B023
        _print_log(text)
        if not ended:
            await asyncio.sleep(_FOLLOW_PAUSE_S)


def _print_log(text: str) -> None:
    """A part of a log: as it is, unless a terminal would obey it."""
    if not text:
        return
    shown = wording.for_terminal(text) if sys.stdout.isatty() else text
    # click would take the colours out of what goes into a pipe
    click.echo(shown, nl=False, color=True)


async def _record(server: Server, job_id: str) -> JobRecord:
    found: list[JobRecord | None] = await server.ask(lambda client: wire.records(client, server.keys, [job_id]))
    [record] = found
    if record is None:
        raise JobLost(f'The server knows no job "{job_id}": `nbqueue jobs` lists those it knows.', job_id=job_id)
    return record
