"""Commands that hold work back and let it go on: pause, resume, limits, drain, open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

import nbqueue
from nbqueue.broker import gates
from nbqueue.cli import tables
from nbqueue.cli.reach import Server, as_json, asking, with_settings
from nbqueue.cli.session import here
from nbqueue.cli.strangers import ask_for_stranger, note_stranger
from nbqueue.errors import ConfigurationError
from nbqueue.model.limits import Limit, limit
from nbqueue.model.names import check_queue, shown
from nbqueue.model.settings import Settings

#: what can be held back, and what can be limited
HELD = ("queue", "function", "tag", "group")
LIMITED = ("queue", "function", "key")
_KINDS = {"q": "queue", "f": "function", "t": "tag", "g": "group"}


def of_jobs(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which jobs are held back, of which one is given."""
    for option in (
        click.option("--group", default=None, metavar="ID", help="The jobs of a group."),
        click.option("--tag", default=None, help="Jobs that have this tag."),
        click.option("--function", default=None, help="A function, by its qualified name."),
        click.option("--queue", default=None, help="A queue."),
    ):
        command = option(command)
    return command


@click.command()
@of_jobs
@as_json
@with_settings
def pause(settings: Settings, *, json_wanted: bool, **given: str | None) -> None:
    """Let no more jobs of a queue, function, tag or group start.

    Jobs that run go on. Without an option it says what is paused.
    """
    if all(value is None for value in given.values()):
        with here(settings):
            _say_paused(nbqueue.jobs.paused().wait(), json_wanted=json_wanted)
        return
    kind, name = _one_of(given, HELD)
    with here(settings):
        if kind == "queue":
            nbqueue.Queue(name).pause().wait()
        else:
            nbqueue.jobs.pause(**{kind: name}).wait()
        _say(kind, name, "paused", json_wanted=json_wanted)


@click.command()
@of_jobs
@as_json
@with_settings
def resume(settings: Settings, *, json_wanted: bool, **given: str | None) -> None:
    """Let jobs start again that were paused."""
    kind, name = _one_of(given, HELD)
    with here(settings):
        if kind == "queue":
            nbqueue.Queue(name).resume().wait()
        else:
            nbqueue.jobs.resume(**{kind: name}).wait()
        _say(kind, name, "resumed", json_wanted=json_wanted)


@click.command()
@click.option("--queue", default=None, help="For a queue.")
@click.option("--function", default=None, help="For a function, by its qualified name.")
@click.option("--key", default=None, help="For the jobs with this limit key.")
@click.option("--rate", default=None, metavar="N/TIME", help='Starts in a time over all workers: "20/min", "5/s".')
@click.option("--concurrency", type=int, default=None, metavar="N", help="How many run at once over all workers.")
@click.option("--remove", "--off", "remove", is_flag=True, help="Take the limit away.")
@as_json
@with_settings
def limits(
    settings: Settings, *, rate: str | None, concurrency: int | None, remove: bool, json_wanted: bool,
    **given: str | None,
) -> None:  # fmt: skip
    """Show the limits that are set, set one, or take one away.

    With --rate, --concurrency or both it sets the limit of a queue, function or key, in place of what was set before,
    and shows it. That counts at once, also for jobs that wait already. With neither it shows what is set and changes
    nothing.
    """
    wanted = limit(rate, concurrency)
    changes = remove or not wanted.is_open
    if remove and not wanted.is_open:
        raise ConfigurationError(
            "--remove takes a limit away, --rate and --concurrency set one: give --remove or numbers."
        )
    kind, name, scope = "", "", ""
    if changes or any(value is not None for value in given.values()):
        kind, name = _one_of(given, LIMITED)
        scope = f"{kind[0]}:{check_queue(name) if kind == 'queue' else name}"

    async def act(server: Server) -> dict[str, Limit]:
        if changes:
            await server.ask(lambda client: gates.set_limit(client, server.keys, scope, wanted))
        return dict(await server.ask(lambda client: gates.limits(client, server.keys)))

    _show(asking(settings, act), scope, json_wanted=json_wanted)
    if changes and kind == "queue":
        ask_for_stranger(settings, name)


@click.command()
@click.argument("queue")
@as_json
@with_settings
def drain(settings: Settings, *, queue: str, json_wanted: bool) -> None:
    """Close a queue and wait until nothing waits or runs in it.

    From now on it takes no more jobs; `nbqueue open` lets it. Ctrl-C ends the waiting alone.
    """
    with here(settings):
        nbqueue.Queue(queue).drain().wait()
        _say("queue", queue, "drained", json_wanted=json_wanted)


@click.command("open")
@click.argument("queue")
@as_json
@with_settings
def open_queue(settings: Settings, *, queue: str, json_wanted: bool) -> None:
    """Let a queue take jobs again that was drained."""
    with here(settings):
        nbqueue.Queue(queue).open().wait()
        _say("queue", queue, "open", json_wanted=json_wanted)


def _say(kind: str, name: str, state: str, *, json_wanted: bool) -> None:
    """What is so from now on; and whether nobody knows such a queue."""
    if json_wanted:
        tables.print_json({"kind": kind, "name": name, "state": state})
    else:
        click.echo(f"{kind} {name}: {state}")
    if kind == "queue":
        note_stranger(name)


def _say_paused(lines: Sequence[str], *, json_wanted: bool) -> None:
    """What is paused: a line each, of what kind it is and its name."""
    if json_wanted:
        parts = (line.partition(":") for line in lines)
        tables.print_json([{"kind": _KINDS.get(kind, kind), "name": name} for kind, _, name in parts])
        return
    for line in lines:
        click.echo(line)


def _show(found: dict[str, Limit], scope: str, *, json_wanted: bool) -> None:
    """The limits that are set: all, or that of one scope."""
    asked = {name: each for name, each in found.items() if scope in ("", name)}
    if json_wanted:
        tables.print_json({name: each.to_wire() for name, each in asked.items()})
    else:
        tables.print_table(("FOR", "LIMIT"), [(name, str(each)) for name, each in asked.items()], empty="None.")


def _one_of(given: Mapping[str, str | None], allowed: Sequence[str]) -> tuple[str, str]:
    """The one option that was given, by its name, and its value; refuses none, several, and an empty value."""
    came = {name: value for name in allowed if (value := given[name]) is not None}
    *some, last = (f"--{name}" for name in allowed)
    wanted = f"give one of {', '.join(some)} and {last}."
    if not came:
        raise ConfigurationError(f"Say what is meant: {wanted}")
    if len(came) > 1:
        told = " and ".join(f"--{name} {shown(value)}" for name, value in came.items())
        raise ConfigurationError(f"{told} were given together: {wanted}")
    [(kind, name)] = came.items()
    if not name:
        raise ConfigurationError(f"--{kind} '' names none: give the name of a {kind}.")
    return kind, name
