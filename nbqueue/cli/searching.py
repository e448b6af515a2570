"""Options that look for jobs, and what is said and asked before something is done to all that were found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

import nbqueue
from nbqueue.cli import moments, tables
from nbqueue.cli.reach import leave
from nbqueue.client.filters import FILTERS, asked
from nbqueue.client.preview import Preview, Verb, states_for
from nbqueue.client.selection import Selection
from nbqueue.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Search:
    """What was said of the jobs that are meant."""

    #: keywords of `jobs.where`; empty: no search
    narrow: Mapping[str, Any]
    #: whether to ask no more
    is_sure: bool
    #: whether to say only what would be done
    is_dry: bool
    #: whether those are meant too that were retried before
    again: bool = False


#: of commands that retry; to be put below `searching`
again = click.option("--again", is_flag=True, help="Of a search: those too that were retried before.")


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that narrow a search; the command gets each by its name."""
    for name, each in reversed(list(FILTERS.items())):
        kind = Words(each.words) if each.words else str
        said = f"{each.help[:-1]}, or several with commas." if each.words else each.help
        command = click.option(
            f"--{name}", default=None, metavar=None if each.words else each.metavar, help=said, type=kind,
            multiple=each.many, callback=_apart if each.words else None,
        )(command)  # fmt: skip
    return command


class Words(click.Choice[str]):
    """The type of an option that takes one of some words, or several with commas between them."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same text, once each of its words is known."""
        return ",".join(super(Words, self).convert(word.strip(), param, ctx) for word in value.split(","))


def _apart(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(dict.fromkeys(word for each in value for word in each.split(",")))


def narrowed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `jobs.where` for the options of `filters`."""
    for name in ("since", "until"):
        given = {**given, name: moments.ago(given.get(name), f"--{name}")}
    return asked(given)


def searching(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a search, and those of what is done to all it finds; the command gets `search`."""
    command = click.option("--dry-run", "is_dry", is_flag=True, help="Of a search: say what would be done.")(command)
    command = click.option("-y", "--yes", "is_sure", is_flag=True, help="Of a search: do not ask.")(command)
    command = filters(command)

    def run(*, is_sure: bool, is_dry: bool, again: bool = False, **given: Any) -> Any:
        narrow = narrowed({name: given.pop(name) for name in (each.replace("-", "_") for each in FILTERS)})
        return command(search=Search(narrow, is_sure=is_sure, is_dry=is_dry, again=again), **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__click_params__ = command.__click_params__  # type: ignore[attr-defined]
    return run


def is_search(verb: str, job_ids: Sequence[str], search: Search) -> bool:
    """Whether jobs are looked for, and not named. Raises ConfigurationError where neither is, or both are."""
    if bool(job_ids) == bool(search.narrow):
        came = "came together" if job_ids else "are missing"
        raise ConfigurationError(
            f"`nbqueue {verb}` takes ids, or options that say which jobs, such as --state and --queue: both {came}."
        )
    if job_ids and (search.is_sure or search.is_dry):
        raise ConfigurationError(
            "--yes and --dry-run are of a search: what is named by its id is done without a question."
        )
    if job_ids and search.again:
        raise ConfigurationError("--again is of a search: what is named by its id is retried in any case.")
    return bool(search.narrow)


def meant(
    verb: Verb, search: Search, *, queue: str = "", json_wanted: bool = False, among: Selection | None = None
) -> list[str]:
    """The jobs that were found and that are to be touched, after it was said, and asked at a terminal.

    Where no state was given, those that can be touched are looked for. To be called within `here(...)`. `among`: those
    that were found, where nothing is to be looked for.
    """
    if among is None:
        among = nbqueue.jobs.where(**{"state": states_for(verb), **search.narrow}).wait()
    told = among.preview(verb, queue=queue, again=search.again)
    more = f"; {among.besides}" if among.besides else ""
    click.echo(f"nbqueue: {told}{more}", err=True)
    if search.is_dry or not told.ids:
        if json_wanted:
            tables.print_json(_counts(told) if search.is_dry else {})
        leave(0)
    if sys.stdin.isatty() and not search.is_sure and not click.confirm("Go on?", err=True):
        leave(1)
    return list(told.ids)


def _counts(told: Preview) -> dict[str, object]:
    """What would be done, for scripts."""
    touched, left = ({state.value: count for state, count in each.items()} for each in (told.touched, told.left))
    return {"verb": told.verb, "jobs": len(told), "touched": touched, "left": left, "retried": told.retried}
