"""The options of a job on the command line: each is one of `options(...)`, read from text."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import click

from nbqueue.cli.durations import SECONDS
from nbqueue.cli.moments import FORM, moment
from nbqueue.cli.retry_options import RETRY_OPTIONS, with_policy
from nbqueue.model import resources


def job_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """All but those named; the command gets those that were given, as `options`, once they went through `read`."""

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(_OPTIONS):
            command = option(command)
        params: list[click.Parameter] = command.__click_params__  # type: ignore[attr-defined]
        params[:] = [each for each in params if each.name not in without]
        return command

    return added


def read(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a job of the words on the command line; what was not given is left out."""
    # by identity: 0.0 is a number that was given
    found = {name: value for name, value in given.items() if value is not None and value is not False and value != ()}
    priority = found.get("priority")
    if priority is not None and re.fullmatch(r"-?\d+", priority):
        found["priority"] = int(priority)
    if "at" in found:
        found["at"] = moment(found["at"], "--at")
    if "resources" in found:
        found["resources"] = resources.parse(",".join(found["resources"]), "--resource")
    if "labels" in found:
        found["labels"] = list(found["labels"])
    if "after" in found:
        found["after"] = list(found["after"])
    return with_policy(found)


_OPTIONS = (
    click.option("--queue", default=None, help="Queue it goes into."),
    click.option("--priority", default=None, help="high, normal, low or an integer from -99 to 99; more is sooner."),
    click.option("--label", default=None, help="What listings show."),
    click.option("--tag", "tags", multiple=True, help="To find it by; may be given several times."),
    click.option("--delay", type=SECONDS, default=None, metavar="S", help="Seconds to wait before it may start."),
    click.option("--at", default=None, metavar="TIME", help=f"When it may start. {FORM}"),
    click.option("--expires", type=SECONDS, default=None, metavar="S", help="Do not start later than this after now."),
    click.option("--timeout", type=SECONDS, default=None, metavar="S", help="Seconds of running time."),
    click.option("--grace", type=SECONDS, default=None, metavar="S", help="Seconds before its end to ask it to stop."),
    *RETRY_OPTIONS,
    click.option("--id", "job_id", default=None, help="Its id; the second submit of an id makes no second job."),
    click.option("--unique", type=SECONDS, default=None, metavar="S",
                 help="Seconds in which the same function and arguments give the same job."),
    click.option("--debounce", type=SECONDS, default=None, metavar="S",
                 help="Seconds to wait; the same function and arguments meanwhile take its place."),
    click.option("--cache", type=SECONDS, default=None, metavar="S",
                 help="Seconds for which the result of the same function and arguments is taken."),
    click.option("--force", is_flag=True, help="A new job where --unique or --cache would give another's."),
    click.option("--after", multiple=True, metavar="ID", help="Job or group that must end first; several times."),
    click.option("--on-parent-failure", type=click.Choice(["fail", "skip", "run"]), default=None,
                 help="When one of those does not succeed."),
    click.option("--limit-key", default=None, help="What --rate and --concurrency count by; else the function."),
    click.option("--rate", default=None, metavar="N/TIME", help='Starts in a time over all workers: "20/min".'),
    click.option("--concurrency", type=int, default=None, metavar="N", help="How many run at once over all workers."),
    click.option("--resource", "resources", multiple=True, metavar="NAME=N", help="What a worker must have free."),
    click.option("--worker-label", "labels", multiple=True, metavar="NAME[=VALUE]",
                 help="What a worker must have that is not used up; several times."),
    click.option("--preset", type=click.Choice(["solver", "evaluation"]), default=None,
                 help="Options that fit such work."),
    click.option("--run-in", type=click.Choice(["process", "async", "thread"]), default=None, help="Where it runs."),
    click.option("--isolation", type=click.Choice(["pool", "fresh"]), default=None,
                 help="A recycled process or a new one."),
    click.option("--memory", default=None, metavar="SIZE", help='What its processes may use: "2GB".'),
    click.option("--keep-result", type=SECONDS, default=None, metavar="S", help="How long its result is kept."),
    click.option("--keep-error", type=SECONDS, default=None, metavar="S", help="The same for its error."),
    click.option("--on-done", default=None, metavar="URL", help="Webhook that is told of its end."),
)  # fmt: skip
