"""The command for who gives results to whom: graph."""

from __future__ import annotations

import click

from nbqueue.broker import groups
from nbqueue.cli import tables
from nbqueue.cli.reach import as_json, with_settings
from nbqueue.cli.session import here
from nbqueue.client.graph import Graph, read
from nbqueue.client.link import Link
from nbqueue.client.session import session
from nbqueue.display import wording
from nbqueue.errors import JobLost
from nbqueue.model.names import check_job_id
from nbqueue.model.settings import Settings


@click.command()
@click.argument("work_id", metavar="ID")
@click.option("--mermaid", is_flag=True, help="As a Mermaid flowchart, for a document.")
@as_json
@with_settings
def graph(settings: Settings, *, work_id: str, mermaid: bool, json_wanted: bool) -> None:
    """Print the jobs around a job, or around those of a group.

    Those whose results it takes, those that take its own, and so on, at most 500 jobs: a line a job, below what it
    comes after.
    """
    check_job_id(work_id)
    with here(settings):
        found = session().begin(lambda link: _around(link, work_id), what=f"reading the graph of {work_id}").wait()
    if json_wanted:
        tables.print_json(found)
        return
    if mermaid:
        click.echo(found.mermaid())
        return
    for row in str(found).split("\n"):
        text = row.lstrip(" ")
        click.echo(" " * (len(row) - len(text)) + wording.line(text))


async def _around(link: Link, work_id: str) -> Graph:
    """The graph around a job, or around the jobs of a group. Raises JobLost where the server knows neither."""
    wire = link.wire
    own = await wire.ask(lambda client: groups.members(client, wire.keys, work_id))
    # a group of jobs that were there already is none that anything comes after
    joined = [] if own else await wire.ask(lambda client: groups.joined(client, wire.keys, work_id))
    [record] = await link.records([work_id])
    if not own and not joined and record is None:
        raise JobLost(
            f'The server knows no job or group "{work_id}": `nbqueue jobs` lists the jobs it knows, and with --json '
            "their groups.",
            job_id=work_id,
        )
    return await read(link, joined or (work_id, *own))
