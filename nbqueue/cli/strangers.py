"""Names of queues that nothing and nobody knows: what is said when something is set for one, or cleared in it."""

from __future__ import annotations

import click

from nbqueue.broker import queues
from nbqueue.broker.history import Ask
from nbqueue.broker.keys import Keys
from nbqueue.cli.reach import Server, asking
from nbqueue.client.link import Link
from nbqueue.client.session import session
from nbqueue.model.names import check_queue
from nbqueue.model.settings import Settings


def note_stranger(queue: str) -> None:
    """Say so where no job was submitted to a queue and no worker serves it. To be called within `here(...)`."""

    async def look(link: Link) -> bool:
        return await _is_known(link.wire.ask, link.wire.keys, queue)

    _note(queue, is_known=session().begin(look, what=f'asking for queue "{queue}"').wait())


def ask_for_stranger(settings: Settings, queue: str) -> None:
    """The same, with a connection of its own."""

    async def look(server: Server) -> bool:
        return await _is_known(server.ask, server.keys, queue)

    _note(queue, is_known=asking(settings, look))


def _note(queue: str, *, is_known: bool) -> None:
    if not is_known:
        click.echo(f'nbqueue: queue "{queue}": no job was submitted to it yet, and no worker serves it', err=True)


async def _is_known(ask: Ask, keys: Keys, queue: str) -> bool:
    check_queue(queue)
    if queue in await ask(lambda client: queues.names(client, keys)):
        return True
    return any(queue in each.queues for each in await ask(lambda client: queues.engines(client, keys)))
