"""Commands that clear work away or send it elsewhere: delete, clear, move, retry, requeue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

import nbqueue
from nbqueue.cli import moments, tables
from nbqueue.cli.reach import as_json, leave, with_settings
from nbqueue.cli.searching import Search, again, is_search, meant, searching
from nbqueue.cli.session import here
from nbqueue.cli.spoken import EXIT_FAILED
from nbqueue.cli.strangers import note_stranger
from nbqueue.cli.works import METAVAR, are_done, jobs_of, members_by_id
from nbqueue.client.grouping import states_of
from nbqueue.client.link import Link, unknown
from nbqueue.client.moving import move_each
from nbqueue.client.named import queue_named
from nbqueue.client.preview import preview
from nbqueue.client.removing import delete_each
from nbqueue.client.requeueing import Requeued, requeue
from nbqueue.client.retrying import retry_all
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError
from nbqueue.model.names import check_queue, shown
from nbqueue.model.settings import Settings
from nbqueue.model.states import State

_ids = click.argument("job_ids", nargs=-1, required=True, metavar=METAVAR)
_ids_or_search = click.argument("job_ids", nargs=-1, metavar=f"[{METAVAR}]")


@click.command()
@_ids_or_search
@searching
@as_json
@with_settings
def delete(settings: Settings, *, job_ids: tuple[str, ...], search: Search, json_wanted: bool) -> None:
    """Forget jobs; only their lines in the history stay.

    Those that wait are cancelled first, those that run go on. The id of a group stands for all of its jobs. Without ids
    the options that `nbqueue jobs` takes say which: how many they are is told first, and at a terminal it is asked
    whether to go on.

    Answers: deleted, running, unknown. Exit code 1 if one is unknown, or runs that was named by its own id.
    """
    searched = is_search("delete", job_ids, search)

    async def act(link: Link) -> dict[str, str]:
        ids = found if searched else await jobs_of(link.wire.ask, link.wire.keys, job_ids)
        return await delete_each(link, ids)

    with here(settings):
        found = meant("delete", search, json_wanted=json_wanted) if searched else []
        answers = session().begin(act, what="deleting jobs").wait()
    tables.print_answers(answers, json_wanted=json_wanted)
    leave(0 if are_done(answers, job_ids, done=("deleted",)) else EXIT_FAILED)


@click.command()
@click.argument("queue")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in State]),
              help="Only this state; several times. Those that wait if not given.")  # fmt: skip
@click.option(
    "--older-than", default=None, metavar="TIME", help=f"Only those submitted before then: {moments.AGO_FORM}"
)
@as_json
@with_settings
def clear(
    settings: Settings, *, queue: str, states: tuple[str, ...], older_than: str | None, json_wanted: bool
) -> None:  # fmt: skip
    """Forget the jobs of a queue, and print how many.

    Those that wait are cancelled, those that run go on.
    """
    with here(settings):
        cleared = (
            nbqueue.Queue(queue)
            .clear(states or ("queued", "scheduled"), older_than=moments.ago(older_than, "--older-than"))
            .wait()
        )
        note_stranger(queue)
    if json_wanted:
        tables.print_json({"queue": queue, "cleared": cleared})
    else:
        click.echo(cleared)


@click.command()
@_ids
@click.option("--to", "queue", required=True, metavar="QUEUE", help="Where they go.")
@as_json
@with_settings
def move(settings: Settings, *, job_ids: tuple[str, ...], queue: str, json_wanted: bool) -> None:
    """Put waiting jobs into another queue.

    The id of a group stands for those of its jobs that wait.

    Answers: moved, refused (it says why), unknown, or "already" and what it does or how it ended. Exit code 1 if one
    that was named by its own id was not moved.
    """
    check_queue(queue)

    async def act(link: Link) -> tuple[dict[str, str], Mapping[str, str]]:
        ids = await jobs_of(link.wire.ask, link.wire.keys, job_ids)
        done, refused = await move_each(link, ids, queue)
        states = await states_of(link, list(refused))
        answers = dict.fromkeys(done, "moved") | {each: _unmoved(states.get(each)) for each in refused}
        told = {each: answers[each] for each in ids if each in job_ids or not answers[each].startswith("already")}
        return told, {each: why for each, why in refused.items() if answers[each] == "refused"}

    with here(settings):
        answers, refused = session().begin(act, what=f"moving jobs to {queue}").wait()
    for why in refused.values():
        click.echo(f"nbqueue: {why}", err=True)
    tables.print_answers(answers, json_wanted=json_wanted)
    leave(0 if are_done(answers, job_ids, done=("moved",), faults=("unknown", "refused")) else EXIT_FAILED)


def _unmoved(state: State | None) -> str:
    """Why a job was not moved, in a word or two."""
    if state is None:
        return "unknown"
    return f"already {state}" if state.is_final or state is State.RUNNING else "refused"


@click.command()
@_ids_or_search
@click.option("--dead", default="", metavar="QUEUE", help="All jobs of a queue that failed for good.")
@searching
@again
@as_json
@with_settings
def retry(settings: Settings, *, job_ids: tuple[str, ...], dead: str, search: Search, json_wanted: bool) -> None:
    """Submit jobs again that have ended, as new ones.

    Of one that succeeded the call is kept no longer, so that it cannot be retried. The id of a group stands for those
    of its jobs that ended otherwise than well. Without ids --dead or the options that `nbqueue jobs` takes say which:
    how many they are is told first, and at a terminal it is asked whether to go on. Those that were retried before are
    left then, unless --again is given.

    Prints the id of each and of its new job. Exit code 1 if one cannot be retried.
    """
    if dead and (job_ids or search.narrow or search.again):
        raise ConfigurationError(
            f"--dead {shown(dead)} means all that failed for good in a queue: leave the ids and the other options out."
        )
    searched = not dead and is_search("retry", job_ids, search)
    with here(settings):
        if searched:
            wanted = meant("retry", search, json_wanted=json_wanted)
        elif dead:
            wanted = meant("retry", search, json_wanted=json_wanted, among=nbqueue.Queue(dead).dead().wait())
        else:
            wanted = session().begin(lambda link: _to_retry(link, job_ids), what="asking").wait()
        anyway = bool(job_ids) or search.again
        found = session().begin(lambda link: retry_all(link, wanted, again=anyway), what="retrying jobs").wait()
    _leave_with({job_id: draft.job_id for job_id, draft in found.drafts.items()}, found.refused, json_wanted)


@click.command("requeue")
@_ids_or_search
@click.option("--to", "into", default="", metavar="QUEUE", help="Where they go; each into its own if not given.")
@searching
@again
@as_json
@with_settings
def requeue_jobs(
    settings: Settings, *, job_ids: tuple[str, ...], into: str, search: Search, json_wanted: bool
) -> None:  # fmt: skip
    """Move jobs that wait, and retry those that failed.

    They go into the queue of --to. Those that were cancelled or never started are retried too; what runs or succeeded
    is left. The id of a group stands for all of its jobs. Without ids the options that `nbqueue jobs` takes say which:
    how many they are is told first, and at a terminal it is asked whether to go on. Those that were retried before are
    left then, unless --again is given.

    Prints the id of each and of the job that waits there now. Exit code 1 if there is none for one.
    """
    searched = is_search("requeue", job_ids, search)
    into = queue_named(into)

    async def act(link: Link) -> Requeued:
        ids = found if searched else await jobs_of(link.wire.ask, link.wire.keys, job_ids)
        return await _requeued(link, ids, into, again=search.again or not searched)

    with here(settings):
        found = meant("requeue", search, queue=into, json_wanted=json_wanted) if searched else []
        done = session().begin(act, what="requeueing jobs").wait()
    _leave_with(done.found, done.refused, json_wanted)


async def _requeued(link: Link, ids: Sequence[str], into: str, *, again: bool) -> Requeued:
    known = dict(zip(ids, await link.records(ids), strict=True))
    records = [record for record in known.values() if record is not None]
    told = preview("requeue", records, "those named", queue=into)
    if told.left:
        click.echo(f"nbqueue: {told}", err=True)
    done = await requeue(link, [record for record in records if record.id in set(told.ids)], into, again=again)
    return Requeued(done.found, {**done.refused, **{each: str(unknown(each)) for each in ids if known[each] is None}})


def _leave_with(new: Mapping[str, str], refused: Mapping[str, str], json_wanted: bool) -> None:  # noqa: FBT001
    """Print the new jobs by the old ones, and why there is none for some."""
    for why in refused.values():
        click.echo(f"nbqueue: {why}", err=True)
    tables.print_answers(new, json_wanted=json_wanted)
    leave(1 if refused else 0)


async def _to_retry(link: Link, ids: Sequence[str]) -> list[str]:
    """The jobs that are named, and of groups those that ended otherwise than well."""
    found: list[str] = []
    for name, members in (await members_by_id(link.wire.ask, link.wire.keys, ids)).items():
        states = await states_of(link, members)
        failed = [job_id for job_id, state in states.items() if state.is_final and state is not State.SUCCEEDED]
        found += failed if members else [name]
    return list(dict.fromkeys(found))
