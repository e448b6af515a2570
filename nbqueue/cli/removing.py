"""Commands that clear work away or send it elsewhere: delete, clear, move, retry."""

from __future__ import annotations

from typing import Any

import click

import nbqueue
from nbqueue.cli import moments, tables
from nbqueue.cli.reach import as_json, leave, with_settings
from nbqueue.cli.session import here
from nbqueue.client.retrying import retry_all
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError
from nbqueue.model.names import check_job_id
from nbqueue.model.settings import Settings
from nbqueue.model.states import State

_ids = click.argument("job_ids", nargs=-1, required=True, metavar="ID...")


@click.command()
@_ids
@as_json
@with_settings
def delete(settings: Settings, *, job_ids: tuple[str, ...], json_wanted: bool) -> None:
    """Forget jobs; only their lines in the history stay.

    Those that wait are cancelled first, those that run go on. Answers: deleted, running, unknown. Exit code 1 if one is
    unknown.
    """
    with here(settings):
        answers = {job_id: nbqueue.Job[Any](check_job_id(job_id)).delete().wait() for job_id in job_ids}
    _print(answers, json_wanted=json_wanted)
    leave(1 if "unknown" in answers.values() else 0)


@click.command()
@click.argument("queue")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in State]),
              help="Only this state; several times. Those that wait if not given.")  # fmt: skip
@click.option(
    "--older-than", default=None, metavar="TIME", help=f"Only those submitted before then: {moments.AGO_FORM}"
)
@with_settings
def clear(settings: Settings, *, queue: str, states: tuple[str, ...], older_than: str | None) -> None:
    """Forget the jobs of a queue, and print how many.

    Those that wait are cancelled, those that run go on.
    """
    with here(settings):
        cleared = (
            nbqueue.Queue(queue)
            .clear(states or ("queued", "scheduled"), older_than=moments.ago(older_than, "--older-than"))
            .wait()
        )
    click.echo(cleared)


@click.command()
@_ids
@click.option("--to", "queue", required=True, metavar="QUEUE", help="Where they go.")
@with_settings
def move(settings: Settings, *, job_ids: tuple[str, ...], queue: str) -> None:
    """Put waiting jobs into another queue."""
    with here(settings):
        for job_id in job_ids:
            nbqueue.Job[Any](check_job_id(job_id)).move(queue).wait()


@click.command()
@click.argument("job_ids", nargs=-1, metavar="ID...")
@click.option("--dead", default="", metavar="QUEUE", help="All jobs of a queue that failed for good.")
@as_json
@with_settings
def retry(settings: Settings, *, job_ids: tuple[str, ...], dead: str, json_wanted: bool) -> None:
    """Submit jobs again that have ended, as new ones.

    Prints the id of each and of its new job. Exit code 1 if one cannot be retried.
    """
    if bool(job_ids) == bool(dead):
        raise ConfigurationError("`nbqueue retry` needs ids, or --dead QUEUE for all that failed for good there.")
    with here(settings):
        wanted = [job.id for job in nbqueue.Queue(dead).dead().wait()] if dead else [*map(check_job_id, job_ids)]
        found = session().begin(lambda link: retry_all(link, wanted), what="retrying jobs").wait()
    for why in found.refused.values():
        click.echo(f"nbqueue: {why}", err=True)
    _print({job_id: draft.job_id for job_id, draft in found.drafts.items()}, json_wanted=json_wanted)
    leave(1 if found.refused else 0)


def _print(answers: dict[str, str], *, json_wanted: bool) -> None:
    if json_wanted:
        tables.print_json(answers)
        return
    for job_id, answer in answers.items():
        click.echo(f"{job_id}  {answer}")
