"""The command that says how long the history of queues is kept."""

from __future__ import annotations

import click

import nbqueue
from nbqueue.broker import retention as forgetting
from nbqueue.cli import tables
from nbqueue.cli.durations import SECONDS
from nbqueue.cli.reach import Server, as_json, asking, with_settings
from nbqueue.cli.session import here
from nbqueue.cli.strangers import ask_for_stranger
from nbqueue.errors import ConfigurationError
from nbqueue.model import durations
from nbqueue.model.retention import Retention
from nbqueue.model.settings import Settings


@click.command()
@click.argument("queue", required=False)
@click.option("--age", type=SECONDS, metavar="S", help="How long ago attempts may have ended: 90d.  [default: 30d]")
@click.option("--attempts", type=int, metavar="N", help="How many attempts are kept.  [default: 100000]")
@click.option("--remove", is_flag=True, help="Go back to what is usual.")
@as_json
@with_settings
def retention(
    settings: Settings, *, queue: str | None, age: float | None, attempts: int | None, remove: bool, json_wanted: bool
) -> None:  # fmt: skip
    """Show how long the history of queues is kept, or set it for one.

    What is beyond either of the two is forgotten soon, the oldest first, with the jobs it tells of. What
    ended within the last hour stays, and so do jobs whose results are kept, and members of a group that goes on.
    """
    changes = remove or age is not None or attempts is not None
    if changes and not queue:
        raise ConfigurationError("Say which queue is meant: nbqueue retention QUEUE --age 90d.")
    if queue:
        with here(settings):
            found = {queue: nbqueue.Queue(queue).retention(age=age, attempts=attempts, remove=remove).wait()}
    else:
        found = asking(settings, _all)
    if queue and changes:
        ask_for_stranger(settings, queue)
    if json_wanted:
        tables.print_json({name: {"age_s": each.age_s, "attempts": each.attempts} for name, each in found.items()})
        return
    rows = [(name, durations.in_words(each.age_s), f"{each.attempts:,}") for name, each in found.items()]
    tables.print_table(("QUEUE", "AGE", "ATTEMPTS"), rows, empty="No job was submitted so far.")


async def _all(server: Server) -> dict[str, Retention]:
    own = await server.ask(lambda client: forgetting.settings(client, server.keys))
    names = [item.name for item in await server.queue_stats()]
    return {name: own.get(name, Retention()) for name in sorted({*names, *own})}
