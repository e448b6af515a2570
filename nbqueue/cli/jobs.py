"""The command that lists jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from nbqueue.broker import jobs as wire
from nbqueue.broker import queues
from nbqueue.broker.holdup import standing
from nbqueue.cli import one_job, tables
from nbqueue.cli.ranges import Whole
from nbqueue.cli.reach import Server, as_json, asking, with_settings
from nbqueue.cli.searching import filters, narrowed
from nbqueue.cli.works import in_chunks, members_by_id
from nbqueue.errors import ConfigurationError
from nbqueue.model import advice, holdup, names
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.states import State

HEADINGS = ("ID", "STATE", "QUEUE", "FUNCTION", "LABEL", "PROGRESS", "SUBMITTED", "TOOK", "ERROR")
#: a column more, where something holds jobs up; and of how many of them the places are asked for
WHY, ASKED = "WHY", 1000
#: left out first where a terminal is narrow
SPARE = ("QUEUE", "LABEL", "SUBMITTED", "PROGRESS")


@click.command()
@click.argument("job_id", metavar="[ID]", required=False)
@filters
@click.option("--dead", default="", metavar="QUEUE", help="Only those that failed for good there and were not retried.")
@click.option("--limit", type=Whole(min=1), default=30, show_default=True, help="At most so many.")
@as_json
@with_settings
def jobs(settings: Settings, *, job_id: str | None, dead: str, limit: int, json_wanted: bool, **given: Any) -> None:
    """List jobs, or show all that is known of one.

    The id of a group lists its jobs. Live ones come first, then the last to end. Of one that failed, the end of the
    traceback on its worker is shown, and with --json all of it, where the signing key is there to verify it.

    Of what is named by more than --state and --queue the newest come first. --dead goes with --since and --limit
    alone; `nbqueue retry --dead QUEUE` submits what it lists again. The other options `nbqueue retry`, `cancel`,
    `delete` and `requeue` take too.
    """
    narrow = narrowed(given)
    found_before: Sequence[JobRecord] | None = None
    if job_id is not None:
        if narrow or dead:
            raise ConfigurationError("jobs takes the ID of one job, or options that say which: both came together.")
        if not (found_before := _of_group(settings, job_id)):
            one_job.show(settings, job_id, json_wanted=json_wanted)
            return
    elif dead:
        found_before = _dead(settings, dead, limit, narrow)
    elif narrow.keys() - {"queue", "state"}:
        found_before = _narrowed(settings, limit, narrow)
    queue, states = narrow.get("queue"), frozenset(narrow.get("state", ()))
    found = asking(settings, lambda server: _listed(server, queue, states, limit, found_before))
    if json_wanted:
        tables.print_json(found.jobs)
    else:
        why = any(found.why.values())
        rows = [_row(item, found.why.get(item.id, "")) for item in found.jobs]
        rows = [(*row, found.why.get(item.id, "")) if why else row for row, item in zip(rows, found.jobs, strict=True)]
        tables.print_table((*HEADINGS, WHY) if why else HEADINGS, rows, empty="No jobs.", spare=SPARE)
        for sentence in found.lacks:
            click.echo(f"nbqueue: {sentence}", err=True)
    if found.cut:
        click.echo("nbqueue: there are more; --limit N shows so many", err=True)


@dataclass(frozen=True, slots=True)
class _Listing:
    """Jobs as they are listed."""

    jobs: list[JobRecord]
    #: whether there are more than those
    cut: bool
    #: what some of them wait for in vain, and what helps
    lacks: list[str]
    #: id -> what it waits for, in short
    why: Mapping[str, str]


def _of_group(settings: Settings, group_id: str) -> list[JobRecord]:
    """The jobs of a group, in order; none where the id is of none."""

    async def look(server: Server) -> list[JobRecord]:
        members = (await members_by_id(server.ask, server.keys, [group_id]))[group_id]
        found: list[JobRecord | None] = []
        for part in in_chunks(members):
            found += await server.ask(lambda client: wire.records(client, server.keys, part))  # noqa: B023
        return [record for record in found if record is not None]

    return asking(settings, look)


def _narrowed(settings: Settings, limit: int, narrow: Mapping[str, Any]) -> Sequence[JobRecord]:
    """The newest of what was asked for by more than queue and state, and one more."""
    import nbqueue
    from nbqueue.cli.session import here

    with here(settings):
        return nbqueue.jobs.where(**narrow, limit=limit + 1).wait().records


def _dead(settings: Settings, queue: str, limit: int, given: Mapping[str, Any]) -> Sequence[JobRecord]:
    """The newest of what failed for good in a queue and was not retried, and one more."""
    from nbqueue.cli.session import here
    from nbqueue.client.queue import Queue

    if came := [f"--{name.replace('_', '-')}" for name in given if name != "since"]:
        raise ConfigurationError(
            f"--dead {names.shown(queue)} takes no {' and no '.join(came)}: it lists all that failed for good in a "
            "queue; narrow it by --since or --limit."
        )
    with here(settings):
        return Queue(queue).dead(since=given.get("since"), limit=limit + 1).wait().records


async def _listed(
    server: Server, queue: str | None, states: frozenset[str], limit: int, before: Sequence[JobRecord] | None
) -> _Listing:
    """Those that run, those next to run, then ended ones, the newest first; or those that were found already."""
    found = await _found(server, queue, states, limit + 1) if before is None else before
    kept = list(found[:limit])
    waiting = [item for item in kept if item.may_be_held_up]
    if not waiting:
        return _Listing(kept, cut=len(found) > limit, lacks=[], why={})
    there = await server.ask(lambda client: standing(client, server.keys, holdup.waiting(waiting[:ASKED])))
    told = {item.id: holdup.of_job(there, item) for item in waiting}
    lacks = {lacking for lacking, _ in told.values()} - {""}
    why = {job_id: words or advice.in_short(lacking) for job_id, (lacking, words) in told.items()}
    return _Listing(kept, cut=len(found) > limit, lacks=sorted(lacks), why=why)


async def _found(server: Server, queue: str | None, states: frozenset[str], limit: int) -> list[JobRecord]:
    from nbqueue.analysis.records import Query, read

    async def live(client: Any) -> list[str]:
        served = [queue] if queue else await queues.names(client, server.keys)
        wanted = states or frozenset(State)
        parts = [await queues.ids(client, server.keys, name, limit=limit, states=wanted) for name in served]
        return [job_id for part in parts for job_id in part]

    ids = dict.fromkeys(await server.ask(live))
    ended: dict[str, None] = {}
    async for part in read(server.ask, server.keys, Query(queue=queue or "", states=states, limit=10 * limit)):
        ended.update(dict.fromkeys(str(record.get("job")) for record in part.records))
    ids.update(dict.fromkeys(reversed(ended)))
    records = await server.ask(lambda client: wire.records(client, server.keys, list(ids)))
    found = [item for item in records if item is not None and (not states or item.state in states)]
    # of several queues too
    return sorted(found, key=lambda item: item.state is not State.RUNNING)[:limit]


def _row(item: JobRecord, why: str = "") -> tuple[object, ...]:
    """A job; what it waits for (`why`) stands in a column of its own."""
    state = f"{item.state} ({item.reason})" if item.reason and not why else item.state
    # of one that waits again these are of the attempt before
    worked = item.state is State.RUNNING or item.state.is_final
    done = f"{item.progress.fraction:.0%}" if worked and item.progress.fraction is not None else ""
    error = f"{item.error_type}: {item.error}" if item.error_type else ""
    label = item.label if item.label != item.function else ""
    ran = tables.span(item.elapsed_s) if worked else ""
    return (item.id, state, item.queue, item.function, label, done, tables.ago(item.submitted_at), ran, error)
