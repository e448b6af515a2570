"""Commands that clear work away or send it elsewhere: delete, clear, move, retry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

import nbqueue
from nbqueue.cli import moments, tables
from nbqueue.cli.reach import as_json, leave, with_settings
from nbqueue.cli.session import here
from nbqueue.cli.works import METAVAR, in_chunks, jobs_of, members_by_id
from nbqueue.client.grouping import states_of
from nbqueue.client.link import Link
from nbqueue.client.moving import move_waiting
from nbqueue.client.retrying import retry_all
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError
from nbqueue.model.names import check_queue
from nbqueue.model.settings import Settings
from nbqueue.model.states import State

_ids = click.argument("job_ids", nargs=-1, required=True, metavar=METAVAR)


@click.command()
@_ids
@as_json
@with_settings
def delete(settings: Settings, *, job_ids: tuple[str, ...], json_wanted: bool) -> None:
    """Forget jobs; only their lines in the history stay.

    Those that wait are cancelled first, those that run go on. The id of a group stands for all of its jobs. Answers:
    deleted, running, unknown. Exit code 1 if one is unknown.
    """
    with here(settings):
        meant = session().begin(lambda link: jobs_of(link.wire.ask, link.wire.keys, job_ids), what="asking").wait()
        answers: dict[str, str] = {}
        for part in in_chunks(meant):
            begun = {job_id: nbqueue.Job[Any](job_id).delete() for job_id in part}
            answers |= {job_id: each.wait() for job_id, each in begun.items()}
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
    """Put waiting jobs into another queue.

    The id of a group stands for those of its jobs that wait.
    """
    check_queue(queue)
    with here(settings):
        named = (
            session().begin(lambda link: members_by_id(link.wire.ask, link.wire.keys, job_ids), what="asking").wait()
        )
        for name, members in named.items():
            if members:
                session().begin(lambda link: move_waiting(link, members, queue), what=f"moving {name}").wait()  # noqa: B023
            else:
                nbqueue.Job[Any](name).move(queue).wait()


@click.command()
@click.argument("job_ids", nargs=-1, metavar=METAVAR)
@click.option("--dead", default="", metavar="QUEUE", help="All jobs of a queue that failed for good.")
@as_json
@with_settings
def retry(settings: Settings, *, job_ids: tuple[str, ...], dead: str, json_wanted: bool) -> None:
    """Submit jobs again that have ended, as new ones.

    The id of a group stands for those of its jobs that ended otherwise than well. Prints the id of each and of its new
    job. Exit code 1 if one cannot be retried.
    """
    if bool(job_ids) == bool(dead):
        raise ConfigurationError("`nbqueue retry` needs ids, or --dead QUEUE for all that failed for good there.")
    with here(settings):
        wanted = (
            [job.id for job in nbqueue.Queue(dead).dead().wait()]
            if dead
            else session().begin(lambda link: _to_retry(link, job_ids), what="asking").wait()
        )
        found = session().begin(lambda link: retry_all(link, wanted), what="retrying jobs").wait()
    for why in found.refused.values():
        click.echo(f"nbqueue: {why}", err=True)
    _print({job_id: draft.job_id for job_id, draft in found.drafts.items()}, json_wanted=json_wanted)
    leave(1 if found.refused else 0)


async def _to_retry(link: Link, ids: Sequence[str]) -> list[str]:
    """The jobs that are named, and of groups those that ended otherwise than well."""
    found: list[str] = []
    for name, members in (await members_by_id(link.wire.ask, link.wire.keys, ids)).items():
        states = await states_of(link, members)
        failed = [job_id for job_id, state in states.items() if state.is_final and state is not State.SUCCEEDED]
        found += failed if members else [name]
    return list(dict.fromkeys(found))


def _print(answers: dict[str, str], *, json_wanted: bool) -> None:
    if json_wanted:
        tables.print_json(answers)
        return
    for job_id, answer in answers.items():
        click.echo(f"{job_id}  {answer}")
