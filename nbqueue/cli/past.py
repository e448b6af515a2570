"""Commands about what was: the history, and the demo that makes some."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nbqueue.analysis.columns import STATES
from nbqueue.cli import archiving, drawing, moments, tables
from nbqueue.cli.ranges import Whole
from nbqueue.cli.reach import Server, as_json, asking, with_settings
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings

SHOWN = ("finished_at", "job", "attempt", "state", "function", "label", "wait_s", "duration_s", "worker", "error")
HEADINGS = {"finished_at": "FINISHED (UTC)"}
#: left out first where a terminal is narrow
SPARE = ("WORKER", "ATTEMPT", "WAIT_S", "LABEL", "DURATION_S")


@click.group(invoke_without_command=True)
@click.option("--since", default=None, help=f"How far back: {moments.AGO_FORM}")
@click.option("--until", default=None, help="Up to when, written as --since.")
@click.option("--queue", default="", help="Only this queue.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only this end; several are possible."
)
@click.option("--function", default="", help="Only this function.")
@click.option("--tag", default="", help="Only jobs with this tag.")
@click.option("--limit", type=Whole(min=1), default=None, help="Only the newest so many.  [default: 50 on a screen]")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write all columns to this CSV file.")
@click.option(
    "--export",
    "export_path",
    type=click.Path(path_type=Path),
    help="Write all columns to this .csv, .jsonl, .parquet or .xlsx file, or a report to an .html file.",
)
@click.option("--raw", is_flag=True, help="In CSV files, leave texts that a spreadsheet would run as they are.")
@click.option(
    "--archive", type=click.Path(path_type=Path), help="A folder of archived attempts: they come too, each once."
)
@click.option(
    "--chart", "chart_path", type=click.Path(path_type=Path), help="Draw a chart into this .png, .svg or .pdf."
)
@click.option(
    "--of",
    "chart_name",
    type=click.Choice(drawing.CHARTS),
    default="throughput",
    show_default=True,
    help="Which chart.",
)
@as_json
@with_settings
def history(
    settings: Settings, *, csv_path: Path | None, export_path: Path | None, raw: bool, archive: Path | None,
    chart_path: Path | None, chart_name: str, json_wanted: bool, limit: int | None, **filters: Any,
) -> None:  # fmt: skip
    """Show the attempts that ended, the oldest first."""
    if _is_left_to_subcommand(click.get_current_context()):
        return
    if chart_path:
        drawing.check_picture(chart_path)
    for name in ("since", "until"):
        filters[name] = moments.ago(filters[name], f"--{name}")
    if export_path:
        _export(settings, export_path, raw=raw, archive=archive, limit=limit, **filters)
        if not (json_wanted or csv_path or chart_path):
            return
    everything = json_wanted or csv_path or chart_path
    wanted = limit if limit or everything else 50
    df = asking(settings, lambda server: _read(server, archive, limit=wanted, **filters))
    if csv_path:
        _write_csv(df, csv_path, raw=raw)
    if chart_path:
        drawn = df if chart_name != "convergence" else asking(settings, lambda server: drawing.metrics(server, df))
        drawing.draw(drawn, chart_name, chart_path)
    if json_wanted:
        tables.print_json(_records(df))
    elif not everything:
        headings = [HEADINGS.get(name, name.upper()) for name in SHOWN]
        tables.print_table(headings, map(_row, _records(df)), empty="No attempts in this period.", spare=SPARE)


history.add_command(archiving.archive)


def _is_left_to_subcommand(ctx: click.Context) -> bool:
    """Whether one was named; what was said before its name would be left out in silence."""
    if not ctx.invoked_subcommand:
        return False
    if any(ctx.get_parameter_source(each) is ParameterSource.COMMANDLINE for each in ctx.params):
        name = ctx.invoked_subcommand
        raise ConfigurationError(f"Options of `nbqueue history {name}` stand behind that word: {name} DIR --option.")
    return True


@click.command()
@click.option("--into", "folder", type=click.Path(path_type=Path), default=Path("nbqueue-demo"), show_default=True,
              help="Folder for its files.")  # fmt: skip
@with_settings
def demo(settings: Settings, *, folder: Path) -> None:
    """Run real solver and evaluation jobs.

    Shows them live, and writes their history and a chart. Starts the local stack if it does not run, and stops it
    again. Takes about 20 seconds.
    """
    from nbqueue.cli.reach import leave
    from nbqueue.demo.show import run

    leave(run(settings, folder))


def _records(df: Any) -> list[dict[str, Any]]:
    """Plain dicts, one a row: times as ISO 8601 in UTC, None for what is missing."""
    found: list[dict[str, Any]] = json.loads(df.to_json(orient="records", date_format="iso"))
    return found


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    shown = {**record, "finished_at": record["finished_at"][:19].replace("T", " ")}
    for name in ("wait_s", "duration_s"):
        shown[name] = tables.span(record[name])
    if record["error_type"]:
        shown["error"] = f"{record['error_type']}: {record['error']}"
    return tuple("" if shown[name] is None else shown[name] for name in SHOWN)


async def _read(server: Server, archive: Path | None, **filters: Any) -> Any:
    from nbqueue.analysis.archive import read_both

    return await read_both(server.ask, server.keys, archive, **filters)


def _export(settings: Settings, path: Path, *, raw: bool, archive: Path | None, **filters: Any) -> None:
    """Write a file page by page."""
    from nbqueue.analysis.export import export_history, format_of

    format_of(path)
    if archive is not None:
        raise ConfigurationError("--export writes what the server has: give --csv, --json or --chart with --archive.")

    target, count = asking(settings, lambda server: export_history(server.ask, server.keys, path, raw=raw, **filters))
    click.echo(f"{count:,} attempts written to {target}", err=True)


def _write_csv(df: Any, path: Path, *, raw: bool) -> None:
    from nbqueue.analysis.export import export_csv

    click.echo(f"{len(df):,} attempts written to {export_csv(df, path, raw=raw)}", err=True)
