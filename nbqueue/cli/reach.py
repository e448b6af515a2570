"""How a command reaches its server: settings from options, and one connection."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from nbqueue.broker import every_queue
from nbqueue.broker.connection import Address, check_connection, explain, open_redis, parse_url
from nbqueue.broker.history import Ask
from nbqueue.broker.keys import Keys
from nbqueue.broker.queues import QueueStats
from nbqueue.broker.scripts import TROUBLE
from nbqueue.cli.spoken import Spoken
from nbqueue.errors import ConfigurationError, LocalStackError
from nbqueue.local import stack
from nbqueue.model.settings import Settings, load_settings

T = TypeVar("T")


class Group(Spoken):
    """Commands in the order they were given."""

    def __init__(self, name: str, *, commands: list[click.Command], **attributes: Any) -> None:
        super().__init__(name, {each.name or "": each for each in commands}, **attributes)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names, as given."""
        return list(self.commands)


class ListingGroup(Group):
    """Commands of which `list` need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words after the group's name."""
        asks_help = bool(args) and args[0] in ("-h", "--help")
        first = args[0] if args else ""
        return super().parse_args(ctx, args if asks_help or (first and not first.startswith("-")) else ["list", *args])


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answered, for the time of one command."""

    ask: Ask
    keys: Keys

    async def queue_stats(self) -> list[QueueStats]:
        """The numbers of every queue."""

        async def every(client: Any) -> list[QueueStats]:
            return await every_queue.stats(client, self.keys)

        found: list[QueueStats] = await self.ask(every)
        return found


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which server is meant; the command gets `settings`."""
    for option in (
        click.option(
            "--namespace", metavar="NAME", help="Keys of other namespaces are not touched (NBQUEUE_NAMESPACE)."
        ),
        click.option("--home", type=click.Path(path_type=Path), help="Folder of the local stack (NBQUEUE_HOME)."),
        click.option(
            "--url",
            metavar="URL",
            help="Server; without one the local stack. A password in it can be read by every user of this machine "
            "while the command runs: put a URL with a password into NBQUEUE_URL instead.",
        ),
    ):
        command = option(command)

    def run(url: str | None, home: Path | None, namespace: str | None, **given: Any) -> Any:
        home = home and home.expanduser().absolute()
        return command(settings=load_settings(url=url, home=home, namespace=namespace), **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__click_params__ = command.__click_params__  # type: ignore[attr-defined]
    return run


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--json`; the command gets `json_wanted`."""
    return click.option("--json", "json_wanted", is_flag=True, help="Print JSON, for scripts.")(command)


def running_address(settings: Settings) -> Address:
    """Where the server is. A local stack is not started: raises LocalStackError where none runs."""
    if settings.url is not None:
        return shared_address(settings.url)
    if not stack.server_is_up(settings):
        raise LocalStackError(f"No local stack runs in {settings.home}: start it with `nbqueue up`, or give --url.")
    return stack.ensure(settings, worker=False)


def shared_address(url: str) -> Address:
    """The address of a URL; raises ConfigurationError for `inline:`, which nobody reaches from another process."""
    address = parse_url(url)
    if address.kind == "inline":
        raise ConfigurationError(
            f"{address} is within the process that submits its jobs, and this command is another one: look at them "
            "there, or name a server with --url or NBQUEUE_URL."
        )
    return address


def asking(settings: Settings, act: Callable[[Server], Awaitable[T]], *, address: Address | None = None) -> T:
    """What `act` gives, with a connection of its own that was checked before."""
    return complete(_asked(settings, address or running_address(settings), act))


async def asked(settings: Settings, act: Callable[[Server], Awaitable[T]]) -> T:
    """The same for a command that asks again and again."""
    return await _asked(settings, await asyncio.to_thread(running_address, settings), act)


def complete(work: Coroutine[Any, Any, T]) -> T:
    """What a command's work gives; interrupted before it began, it ends as quietly as later."""
    try:
        return asyncio.run(work)
    finally:
        work.close()


async def _asked(settings: Settings, address: Address, act: Callable[[Server], Awaitable[T]]) -> T:
    client: Any = open_redis(address, connect_timeout_s=settings.connect_timeout_s, name="nbqueue-cli")
    try:
        await check_connection(client, address, timeout_s=settings.connect_timeout_s)
        return await act(Server(lambda question: question(client), Keys(settings.namespace)))
    except TROUBLE as error:
        raise explain(error, address) from error
    finally:
        await client.aclose()


def leave(code: int) -> None:
    """End the command with an exit code."""
    sys.stdout.flush()
    raise click.exceptions.Exit(code)
