"""Commands about word that is left at webhooks: what waits, what was not heard, and the secret of receivers."""

from __future__ import annotations

from pathlib import Path

import click

from nbqueue.broker import scripts, words
from nbqueue.broker.named_key import key_path
from nbqueue.broker.signing import Keyring
from nbqueue.cli import tables
from nbqueue.cli.reach import ListingGroup, Server, as_json, asking, leave, with_settings
from nbqueue.errors import ConfigurationError
from nbqueue.model.delivery import Delivery
from nbqueue.model.settings import Settings
from nbqueue.worker.message import secrets

HEADINGS = ("ID", "STATE", "ATTEMPTS", "STATUS", "NEXT", "URL", "ERROR")


@click.command("list")
@click.option("--failed", is_flag=True, help="Only those that are not sent any more.")
@as_json
@with_settings
def listed(settings: Settings, *, failed: bool, json_wanted: bool) -> None:
    """Show what is to be sent, the next first, then what was given up."""
    found = asking(settings, lambda server: _deliveries(server, failed=failed))
    if json_wanted:
        tables.print_json(found)
    else:
        tables.print_table(HEADINGS, map(_row, found), empty="No word is to be left.", spare=("STATUS", "ATTEMPTS"))


@click.command()
@click.argument("word_ids", metavar="ID...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that are not sent any more.")
@as_json
@with_settings
def retry(settings: Settings, *, word_ids: tuple[str, ...], failed: bool, json_wanted: bool) -> None:
    """Send again what was not heard, now and with all its attempts before it.

    ID is that of a job, or as `nbqueue webhooks list` shows it.
    """
    if bool(word_ids) == failed:
        raise ConfigurationError("`nbqueue webhooks retry` needs ids, or --failed for all that were given up.")
    answers = asking(settings, lambda server: _resent(server, word_ids))
    if json_wanted:
        tables.print_json(answers)
    else:
        for word_id, answer in answers.items():
            click.echo(f"{word_id}  {answer}")
    leave(1 if "unknown" in answers.values() else 0)


@click.command()
@click.option("--key-file", type=click.Path(path_type=Path), help="File of the signing keys (NBQUEUE_KEY_FILE).")
@with_settings
def secret(settings: Settings, *, key_file: Path | None) -> None:
    """Print the secret that receivers check signatures with.

    It is derived from the signing key, and does not tell of it. With several keys there is one a line, the one in force
    first; each message is signed with all.
    """
    for line in secrets(Keyring.load(key_path(settings, key_file))):
        click.echo(line)


webhooks = ListingGroup(
    "webhooks", help="Look after word that is left at webhooks (on_done=, alerts). Without a command it lists it.",
    commands=[listed, retry, secret],
)  # fmt: skip


async def _deliveries(server: Server, *, failed: bool) -> list[Delivery]:
    pending = [] if failed else await server.ask(lambda client: words.pending(client, server.keys))
    ids = [*pending, *await server.ask(lambda client: words.unheard(client, server.keys))]
    found = await server.ask(lambda client: words.deliveries(client, server.keys, list(dict.fromkeys(ids))))
    return [each for each in found if each is not None]


async def _resent(server: Server, word_ids: tuple[str, ...]) -> dict[str, str]:
    ids = list(word_ids) or await server.ask(lambda client: words.unheard(client, server.keys))
    if not ids:
        return {}
    answers = await server.ask(lambda client: scripts.run(client, words.resend(server.keys, ids)))
    return dict(zip(ids, answers, strict=True))


def _row(item: Delivery) -> tuple[object, ...]:
    due = f"{item.next_at:%Y-%m-%d %H:%M:%S} UTC" if item.next_at else ""
    return (item.id, item.state, item.attempts, item.status or "", due, item.url, item.error)
