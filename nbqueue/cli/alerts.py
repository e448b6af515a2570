"""Commands for alerts on queues: list, add, remove."""

from __future__ import annotations

from typing import Any

import click

from nbqueue.broker import alerts as wire
from nbqueue.broker.alerts import StoredAlert
from nbqueue.cli import tables
from nbqueue.cli.durations import SECONDS
from nbqueue.cli.ranges import Number, Whole
from nbqueue.cli.reach import ListingGroup, as_json, asking, leave, with_settings
from nbqueue.cli.session import here
from nbqueue.client.queue import Queue
from nbqueue.errors import ConfigurationError
from nbqueue.model.alerting import Limits, described
from nbqueue.model.names import check_queue
from nbqueue.model.settings import Settings

HEADINGS = ("ID", "QUEUE", "TOLD OF", "URL")


@click.command("list")
@click.option("--queue", default="", help="Only those on this queue.")
@as_json
@with_settings
def listed(settings: Settings, *, queue: str, json_wanted: bool) -> None:
    """List the alerts that workers look after."""
    if queue:
        check_queue(queue)
    stored = asking(settings, lambda server: server.ask(lambda client: wire.stored(client, server.keys)))
    found = [alert for alert in stored if queue in ("", alert.limits.queue)]
    if json_wanted:
        tables.print_json([_plain(alert.id, alert.limits, alert.url) for alert in found])
    else:
        tables.print_table(HEADINGS, map(_row, found), empty="No alerts.")


@click.command()
@click.argument("queue")
@click.option("--depth", type=Whole(min=0), default=None, metavar="N", help="More jobs than this wait.")
@click.option(
    "--oldest",
    "oldest_s",
    type=SECONDS,
    default=None,
    metavar="S",
    help="The oldest has waited longer than these seconds.",
)
@click.option(
    "--failures",
    "failure_rate",
    type=Number(0, 1, max_open=True),
    default=None,
    metavar="X",
    help="Of at least ten jobs that ended within the window a larger share than this did not end well.",
)
@click.option(
    "--window",
    "window_s",
    type=SECONDS,
    default=300.0,
    show_default=True,
    metavar="S",
    help="Length of the window of --failures in seconds.",
)
@click.option("--webhook", required=True, metavar="URL", help="Where word is left.")
@as_json
@with_settings
def add(
    settings: Settings, *, queue: str, depth: int | None, oldest_s: float | None, failure_rate: float | None,
    window_s: float, webhook: str, json_wanted: bool,
) -> None:  # fmt: skip
    """Tell a webhook when a queue goes over a limit.

    And once more when it is back. Give one limit or several; each is told of by itself. Prints the alert's id: the same
    limits and URL are the same alert. Workers leave word at hosts that they are allowed to
    (`nbqueue worker --webhook-hosts`).
    """
    if depth is oldest_s is failure_rate is None:
        raise ConfigurationError("An alert needs a limit: give --depth, --oldest or --failures.")
    with here(settings):
        made = Queue(queue).alert(
            on=webhook, depth=depth, oldest_s=oldest_s, failure_rate=failure_rate, window_s=window_s
        ).wait()  # fmt: skip
    if json_wanted:
        tables.print_json(_plain(made.id, made.limits, made.url))
    else:
        click.echo(made.id)


@click.command()
@click.argument("queue")
@click.argument("alert_ids", nargs=-1, required=True, metavar="ID...")
@as_json
@with_settings
def remove(settings: Settings, *, queue: str, alert_ids: tuple[str, ...], json_wanted: bool) -> None:
    """Look after alerts on a queue no more.

    Answers: removed, unknown. Exit code 1 if one is unknown.
    """
    with here(settings):
        there = {alert.id: alert for alert in Queue(queue).alerts().wait()}
        # each once, however often it was named
        found = {each: each in there and there[each].remove().wait() for each in dict.fromkeys(alert_ids)}
    answers = {alert_id: "removed" if was_there else "unknown" for alert_id, was_there in found.items()}
    tables.print_answers(answers, json_wanted=json_wanted)
    leave(0 if all(found.values()) else 1)


alerts = ListingGroup(
    "alerts",
    help="List, add and remove alerts on queues. Without a command it lists them.",
    epilog="Each takes --url, --home and --namespace, as other commands do, and says so with --help.",
    commands=[listed, add, remove],
)


def _row(alert: StoredAlert) -> tuple[object, ...]:
    return (alert.id, alert.limits.queue, ", ".join(described(alert.limits)), alert.url)


def _plain(alert_id: str, limits: Limits, url: str) -> dict[str, Any]:
    return {"id": alert_id, **limits.to_wire(), "url": url}
