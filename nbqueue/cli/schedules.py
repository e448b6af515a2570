"""Commands for schedules: list, add, change, pause, resume, trigger, delete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import click

import nbqueue
from nbqueue.broker import schedules as wire
from nbqueue.cli import tables
from nbqueue.cli.job_options import job_options, read
from nbqueue.cli.moments import FORM, moment
from nbqueue.cli.reach import ListingGroup, Server, as_json, asking, running_address, with_settings
from nbqueue.cli.submitting import submitting
from nbqueue.cli.values import read_arguments
from nbqueue.client.schedule_list import COLUMNS, cells
from nbqueue.client.session import configure
from nbqueue.errors import ConfigurationError, UnknownSchedule
from nbqueue.model import kept_options
from nbqueue.model import times as model
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.settings import Settings

HEADINGS = tuple(name.upper() for name in COLUMNS)
#: left out first where a terminal is narrow
SPARE = ("LAST", "SKIPPED", "FUNCTION", "LAST JOB")
_OF_TIMES = ("timezone", "start", "end", "count", "misfire", "overlap")


def _with_times(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say more of the times of a schedule."""
    for option in (
        click.option("--overlap", default=None, help="While the last run lives: skip, queue, cancel or allow."),
        click.option("--misfire", default=None, help="Runs missed while no worker ran: skip, once, or a number."),
        click.option("--count", type=int, default=None, metavar="N", help="So many runs in all."),
        click.option("--end", default=None, metavar="TIME", help=f"No run after this. {FORM}"),
        click.option("--start", default=None, metavar="TIME", help=f"No run before this. {FORM}"),
        click.option("--timezone", default=None, help="IANA name of the time zone of a cron expression; UTC."),
    ):
        command = option(command)
    return command


@click.command("list")
@as_json
@with_settings
def list_all(settings: Settings, *, json_wanted: bool) -> None:
    """List all schedules."""
    _list(settings, json_wanted=json_wanted)


@click.command()
@click.argument("name")
@click.argument("times")
@click.argument("function")
@click.argument("arguments", nargs=-1)
@_with_times
@job_options(without=(*kept_options.OF_ONE_JOB, "on_parent_failure", "force"))
@as_json
@with_settings
def add(
    settings: Settings, *, name: str, times: str, function: str, arguments: tuple[str, ...], json_wanted: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Schedule a registered FUNCTION, in place of what has this NAME.

    TIMES is a cron expression, or an interval such as 90s, 15min, 2h; a number is seconds.
    ARGUMENTS are JSON, as those of `nbqueue submit`.

    For example:

    nbqueue schedules add nightly "0 6 * * *" reports.daily '"all"' --timezone Europe/Berlin
    """
    when = _times(times, name, {key: options.pop(key) for key in _OF_TIMES})
    args, kwargs = read_arguments(arguments)
    with submitting(settings):
        made = nbqueue.options(**read(options)).schedule(when, function, *args, **kwargs).wait()
    _say_record(made.info().wait(), json_wanted=json_wanted, existed=made.existed)


@click.command()
@click.argument("name")
@click.argument("times", required=False)
@_with_times
@as_json
@with_settings
def change(settings: Settings, *, name: str, times: str | None, json_wanted: bool, **options: Any) -> None:
    """Give a schedule other times; what is not given stays. Its runs are counted anew."""
    given = {key: value for key, value in _read(options).items() if value is not None}
    schedule = _reached(settings, name)
    schedule.change(None if times is None else _seconds(times), **given).wait()
    _say_record(schedule.info().wait(), json_wanted=json_wanted, existed=True)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json
@with_settings
def pause(settings: Settings, *, names: tuple[str, ...], json_wanted: bool) -> None:
    """Let no more runs come; those under way go on."""
    for name in names:
        _reached(settings, name).pause().wait()
        _say_state(name, "paused", json_wanted=json_wanted)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json
@with_settings
def resume(settings: Settings, *, names: tuple[str, ...], json_wanted: bool) -> None:
    """Let runs come again; those of the time in between are left out."""
    for name in names:
        schedule = _reached(settings, name)
        schedule.resume().wait()
        _say_state(name, str(schedule.info().wait().state), json_wanted=json_wanted)


@click.command()
@click.argument("name")
@as_json
@with_settings
def trigger(settings: Settings, *, name: str, json_wanted: bool) -> None:
    """Run a schedule once, now, beside its times. Prints the job's id."""
    job = _reached(settings, name).trigger().wait()
    if json_wanted:
        tables.print_json({"id": job.id})
    else:
        click.echo(job.id)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json
@with_settings
def delete(settings: Settings, *, names: tuple[str, ...], json_wanted: bool) -> None:
    """Remove schedules; the jobs that they made stay."""
    for name in names:
        _reached(settings, name).delete().wait()
        _say_state(name, "deleted", json_wanted=json_wanted)


schedules = ListingGroup(
    "schedules",
    help="List, add and change schedules of recurring jobs. Without a command it lists them.",
    epilog="Each takes --url, --home and --namespace, as other commands do, and says so with --help.",
    commands=[list_all, add, change, pause, resume, trigger, delete],
)


def _say_state(name: str, state: str, *, json_wanted: bool) -> None:
    """What a schedule is now: a line each, as it is done; in JSON an object a line."""
    click.echo(json.dumps({"name": name, "state": state}) if json_wanted else f"{name}: {state}")


def _list(settings: Settings, *, json_wanted: bool) -> None:
    found = asking(settings, _records)
    if json_wanted:
        tables.print_json([_plain(record) for record in found])
    else:
        tables.print_table(HEADINGS, map(cells, found), empty="No schedules.", spare=SPARE)


async def _records(server: Server) -> list[ScheduleRecord]:
    found: list[wire.Stored | None] = await server.ask(lambda client: wire.stored(client, server.keys))
    return [each.record for each in found if each is not None]


def _reached(settings: Settings, name: str) -> nbqueue.Schedule[Any]:
    """The handle of a schedule that is there; nothing is started for it."""
    running_address(settings)
    configure(settings)
    try:
        return nbqueue.schedules.get(name).wait()
    except UnknownSchedule:
        raise UnknownSchedule(
            f'The server knows no schedule "{name}": `nbqueue schedules list` shows those that are there.'
        ) from None


def _times(text: str, name: str, options: dict[str, Any]) -> model.Times:
    found = {key: value for key, value in _read(options).items() if value is not None}
    zone = found.pop("timezone", None)
    base: dict[str, Any] = {"name": name, **found}
    if zone is None:
        return model.times_of(_seconds(text), model.Every(60, **base))
    times = model.times_of(_seconds(text), model.Cron("* * * * *", timezone=zone, **base))
    if not isinstance(times, model.Cron):
        raise ConfigurationError(
            f"--timezone {zone} goes with a cron expression: {times.words} is the same in all time zones."
        )
    return times


def _seconds(text: str) -> str | float:
    """A number as the seconds of an interval, as Python takes it; other text as it is."""
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text) else text


def _read(options: dict[str, Any]) -> dict[str, Any]:
    """Options as the library takes them."""
    found = dict(options)
    for key in ("start", "end"):
        if found[key] is not None:
            found[key] = moment(found[key], f"--{key}")
    if found["misfire"] is not None and found["misfire"].isdecimal():
        found["misfire"] = int(found["misfire"])
    return found


def _say_record(record: ScheduleRecord, *, json_wanted: bool, existed: bool) -> None:
    if json_wanted:
        tables.print_json({**_plain(record), "existed": existed})
    else:
        tables.print_table(HEADINGS, [cells(record)], spare=SPARE)


def _plain(record: ScheduleRecord) -> dict[str, Any]:
    names = ("name", "state", "function", "queue", "next_at", "last_at", "last_job", "runs", "skipped", "waiting")
    found = {key: getattr(record, key) for key in names}
    times = record.times.to_wire() if record.times is not None else {}
    times |= {key: getattr(record.times, key) for key in ("start", "end") if key in times}
    return {**found, "since": record.since, "error": record.error, "times": times}
