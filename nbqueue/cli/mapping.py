"""The command for many jobs of one function: map."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click

import nbqueue
from nbqueue.cli import tables
from nbqueue.cli.job_options import job_options, read
from nbqueue.cli.reach import as_json, with_settings
from nbqueue.cli.submitting import submitting, waited, warned
from nbqueue.cli.values import read_json
from nbqueue.cli.waiting import print_results
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings

_OF_ONE_JOB = ("job_id",)


@click.command("map")
@click.argument("name")
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option(
    "--file",
    "file",
    type=click.File("r", encoding="utf-8"),
    default=None,
    metavar="FILE",
    help="Items, a line of JSON each; - reads them from standard input.",
)
@click.option("--star", is_flag=True, help="Each item is a JSON array: the arguments of one call.")
@click.option("--batch", type=int, default=None, metavar="N", help="Items that one job takes; 1.")
@job_options(without=_OF_ONE_JOB)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for all; print the results, a line of JSON each, or one object; exit code 1 unless all succeeded.",
)
@as_json
@with_settings
def map_items(
    settings: Settings, *, name: str, items: tuple[str, ...], file: TextIO | None, star: bool, wait: bool,
    json_wanted: bool, **options: Any,
) -> None:  # fmt: skip
    """Submit a registered function for many items, as one group.

    Prints the group's id, which other commands (`cancel`, `retry`, `pause --group` and so on) take for all of its jobs.
    ITEMs are JSON, each the one argument of a call. Example:

    nbqueue map reports.daily '"2026-01-01"' '"2026-01-02"' --concurrency 1

    seq 1000 | nbqueue map score --file - --batch 50
    """
    wanted = [read_json(text, f"Item {number}") for number, text in enumerate(_texts(items, file), start=1)]
    columns = _columns(wanted) if star else (wanted,)
    with submitting(settings):
        group = nbqueue.options(**read(options)).submit_map(name, *columns).wait()
    if not wait:
        warned(group[0], name)
        if json_wanted:
            tables.print_json({"id": group.id, "jobs": len(group)})
        else:
            click.echo(group.id)
        return
    results = waited(group.results(return_errors=True).wait, group[0])
    print_results(group.id, len(group), results, json_wanted=json_wanted)


def _texts(items: tuple[str, ...], file: TextIO | None) -> list[str]:
    if items and file is not None:
        raise ConfigurationError("Items are given here and in --file: give them in one place.")
    found = list(items) if file is None else [line for line in file.read().splitlines() if line.strip()]
    if not found:
        raise ConfigurationError("No items are given: name them, or give a file of them with --file.")
    return found


def _columns(rows: list[Any]) -> tuple[list[Any], ...]:
    """The first arguments of all calls, the second ones, and so on."""
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(rows[0]) or not row:
            raise ConfigurationError(
                f"Item {number} is {json.dumps(row)[:80]}: with --star each is a JSON array of as many arguments as "
                "the first one."
            )
    return tuple(list(column) for column in zip(*rows, strict=True))
