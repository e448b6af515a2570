"""Commands that hold work back and let it go on: pause, resume, limits, drain, open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

import nbqueue
from nbqueue.broker import gates
from nbqueue.cli import tables
from nbqueue.cli.reach import Server, as_json, asking, with_settings
from nbqueue.cli.session import here
from nbqueue.errors import ConfigurationError
from nbqueue.model.limits import Limit, limit
from nbqueue.model.names import check_queue, shown
from nbqueue.model.settings import Settings

_KINDS = {"q": "queue", "f": "function", "t": "tag", "g": "group"}


def of_jobs(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which jobs are held back, of which one is given."""
    for option in (
        click.option("--group", default="", metavar="ID", help="The jobs of a group."),
        click.option("--tag", default="", help="Jobs that have this tag."),
        click.option("--function", default="", help="A function, by its qualified name."),
        click.option("--queue", default="", help="A queue."),
    ):
        command = option(command)
    return command


@click.command()
@of_jobs
@as_json
@with_settings
def pause(settings: Settings, *, queue: str, function: str, tag: str, group: str, json_wanted: bool) -> None:
    """Let no more jobs of a queue, function, tag or group start.

    Jobs that run go on. Without an option it says what is paused.
    """
    with here(settings):
        if not (queue or function or tag or group):
            _say_paused(nbqueue.jobs.paused().wait(), json_wanted=json_wanted)
            return
        _one_of({"--queue": queue, "--function": function, "--tag": tag, "--group": group})
        if queue:
            nbqueue.Queue(queue).pause().wait()
        else:
            nbqueue.jobs.pause(function=function, tag=tag, group=group).wait()


@click.command()
@of_jobs
@with_settings
def resume(settings: Settings, *, queue: str, function: str, tag: str, group: str) -> None:
    """Let jobs start again that were paused."""
    _one_of({"--queue": queue, "--function": function, "--tag": tag, "--group": group})
    with here(settings):
        if queue:
            nbqueue.Queue(queue).resume().wait()
        else:
            nbqueue.jobs.resume(function=function, tag=tag, group=group).wait()


@click.command()
@click.option("--queue", default="", help="For a queue.")
@click.option("--function", default="", help="For a function, by its qualified name.")
@click.option("--key", default="", help="For the jobs with this limit key.")
@click.option("--rate", default=None, metavar="N/TIME", help='Starts in a time over all workers: "20/min", "5/s".')
@click.option("--concurrency", type=int, default=None, metavar="N", help="How many run at once over all workers.")
@click.option("--remove", is_flag=True, help="Take the limit away.")
@as_json
@with_settings
def limits(
    settings: Settings, *, queue: str, function: str, key: str, rate: str | None, concurrency: int | None,
    remove: bool, json_wanted: bool,
) -> None:  # fmt: skip
    """Show the limits that are set, set one, or take one away.

    With --rate, --concurrency or both it sets the limit of a queue, function or key, in place of what was set before.
    That counts at once, also for jobs that wait already. With neither it shows what is set and changes nothing.
    """
    given = {"--queue": queue, "--function": function, "--key": key}
    wanted = limit(rate, concurrency)
    changes = remove or not wanted.is_open
    if remove and not wanted.is_open:
        raise ConfigurationError(
            "--remove takes a limit away, --rate and --concurrency set one: give --remove or numbers."
        )
    if changes or any(given.values()):
        _one_of(given)
    scope = f"q:{check_queue(queue)}" if queue else f"f:{function}" if function else f"k:{key}" if key else ""
    if changes:
        asking(settings, lambda server: server.ask(lambda client: gates.set_limit(client, server.keys, scope, wanted)))
    else:
        _show(asking(settings, _set_limits), scope, json_wanted=json_wanted)


@click.command()
@click.argument("queue")
@with_settings
def drain(settings: Settings, *, queue: str) -> None:
    """Close a queue and wait until nothing waits or runs in it.

    From now on it takes no more jobs; `nbqueue open` lets it. Ctrl-C ends the waiting alone.
    """
    with here(settings):
        nbqueue.Queue(queue).drain().wait()


@click.command("open")
@click.argument("queue")
@with_settings
def open_queue(settings: Settings, *, queue: str) -> None:
    """Let a queue take jobs again that was drained."""
    with here(settings):
        nbqueue.Queue(queue).open().wait()


def _say_paused(lines: Sequence[str], *, json_wanted: bool) -> None:
    """What is paused: a line each, of what kind it is and its name."""
    if json_wanted:
        parts = (line.partition(":") for line in lines)
        tables.print_json([{"kind": _KINDS.get(kind, kind), "name": name} for kind, _, name in parts])
        return
    for line in lines:
        click.echo(line)


async def _set_limits(server: Server) -> dict[str, Limit]:
    return dict(await server.ask(lambda client: gates.limits(client, server.keys)))


def _show(found: dict[str, Limit], scope: str, *, json_wanted: bool) -> None:
    """The limits that are set: all, or that of one scope."""
    asked = {name: each for name, each in found.items() if scope in ("", name)}
    if json_wanted:
        tables.print_json({name: each.to_wire() for name, each in asked.items()})
    else:
        tables.print_table(("FOR", "LIMIT"), [(name, str(each)) for name, each in asked.items()], empty="None.")


def _one_of(given: Mapping[str, str]) -> None:
    """Refuse options (name -> value) of which not exactly one was given."""
    came = [f"{name} {shown(value)}" for name, value in given.items() if value]
    if len(came) != 1:
        *some, last = given
        wanted = f"give one of {', '.join(some)} and {last}."
        raise ConfigurationError(
            f"{' and '.join(came)} were given together: {wanted}" if came else f"Say what is meant: {wanted}"
        )
