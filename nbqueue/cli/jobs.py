"""Commands for jobs: submit, jobs, cancel, logs."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from nbqueue.broker import jobs as wire
from nbqueue.broker import queues, scripts
from nbqueue.broker.attendance import offers
from nbqueue.cli import tables
from nbqueue.cli.job_options import job_options, read
from nbqueue.cli.reach import Server, as_json, asking, leave, with_settings
from nbqueue.errors import ConfigurationError, JobLost
from nbqueue.model import names
from nbqueue.model.advice import lack
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.notebook import wording
from nbqueue.notebook.attendance import PATIENCE_S

_KEYWORD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)
_FOLLOW_PAUSE_S = 0.3
HEADINGS = ("ID", "STATE", "QUEUE", "FUNCTION", "LABEL", "PROGRESS", "SUBMITTED", "TOOK", "ERROR")
#: left out first where a terminal is narrow
SPARE = ("QUEUE", "LABEL", "SUBMITTED", "PROGRESS")


@click.command()
@click.argument("name")
@click.argument("arguments", nargs=-1)
@job_options
@click.option("--wait", is_flag=True, help="Wait for its end and print its result; exit code 1 unless it succeeded.")
@as_json
@with_settings
def submit(
    settings: Settings, *, name: str, arguments: tuple[str, ...], wait: bool, json_wanted: bool, **options: Any
) -> None:
    """Submit a registered function by its name.

    Prints the job's id. NAME is what workers know the function by.

    ARGUMENTS are JSON: 5, '"text"', '[1, 2]'; with name=JSON for keywords. Example:

    nbqueue submit reports.daily '"2026-01-01"' limit=5
    """
    from nbqueue.cli.submitting import submitted

    args, kwargs = read_arguments(arguments)
    job = submitted(settings, name, args, kwargs, read(options))
    result = _waited(job) if wait else None
    if json_wanted:
        tables.print_json({"id": job.id, "existed": job.existed, **({"result": result} if wait else {})})
    else:
        click.echo(_shown(result) if wait else job.id)


def _waited(job: Any) -> Any:
    """The result of a job; where it does not come soon because nobody serves its queue, that is said meanwhile."""
    try:
        return job.wait(PATIENCE_S)
    except TimeoutError:
        from nbqueue.client.lacking import reason

        if sentence := reason(job.session, job.id, PATIENCE_S):
            click.echo(f"nbqueue: {sentence}", err=True)
    return job.wait()


@click.command()
@click.option("--queue", default=None, help="Only this queue.")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in State]),
              help="Only this state; may be given several times.")  # fmt: skip
@click.option("--function", default="", help="Only jobs of this function.")
@click.option("--tag", default="", help="Only jobs with this tag.")
@click.option("--error", default="", help="Only jobs with an error of this class, or with this in its first line.")
@click.option(
    "--since", default=None, metavar="TIME", help='Only those submitted or ended since then: "2h", or a date.'
)
@click.option("--dead", default="", metavar="QUEUE", help="Only those that failed for good there and were not retried.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="At most so many.")
@as_json
@with_settings
def jobs(
    settings: Settings, *, queue: str | None, states: tuple[str, ...], dead: str, limit: int, json_wanted: bool,
    **narrow: Any,
) -> None:  # fmt: skip
    """List jobs, live ones first, then the last to end.

    Of what is named by --function, --tag, --error, --since or --dead the newest come first. --dead goes with --since
    and --limit alone; `nbqueue retry --dead QUEUE` submits what it lists again.
    """
    if queue is not None:
        names.check_queue(queue)
    narrowed = None
    if dead:
        narrowed = _dead(settings, dead, limit, {"queue": queue, "state": states, **narrow})
    elif any(narrow.values()):
        narrowed = _narrowed(settings, queue, states, limit, narrow)
    found = asking(settings, lambda server: _listed(server, queue, frozenset(states), limit, narrowed))
    if json_wanted:
        tables.print_json(found.jobs)
    else:
        tables.print_table(HEADINGS, map(_row, found.jobs), empty="No jobs.", spare=SPARE)
        for sentence in found.lacks:
            click.echo(f"nbqueue: {sentence}", err=True)
    if found.cut:
        click.echo("nbqueue: there are more; --limit N shows so many", err=True)


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@as_json
@with_settings
def cancel(settings: Settings, *, job_ids: tuple[str, ...], json_wanted: bool) -> None:
    """Cancel jobs.

    Those that wait end at once; those that run are asked to stop, and then made to.

    Answers: cancelled, asked (it runs, and its worker was told), unknown, or "already" and how it had ended before.
    Exit code 1 if one is unknown.
    """
    wanted = [names.check_job_id(job_id) for job_id in job_ids]

    async def act(server: Server) -> list[str]:
        call = wire.cancel(server.keys, wanted)
        found: list[str] = await server.ask(lambda client: scripts.run(client, call))
        return found

    answers = dict(zip(wanted, map(_answer, asking(settings, act)), strict=True))
    if json_wanted:
        tables.print_json(answers)
    else:
        for job_id, answer in answers.items():
            click.echo(f"{job_id}  {answer}")
    leave(1 if "unknown" in answers.values() else 0)


def _answer(found: str) -> str:
    """A server's answer to a cancel, in words."""
    if found == "removed":
        return "cancelled"
    return found if found in {"asked", "unknown"} else f"already {found}"


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@with_settings
def logs(settings: Settings, *, job_id: str, follow: bool) -> None:
    """Print the log of a job.

    It is kept as far as about a megabyte back. On a terminal only colours are left of what steers it; into a file or a
    pipe the log goes as it is.
    """
    names.check_job_id(job_id)
    shown, ended = "", False
    while not ended:
        record, text = asking(settings, lambda server: _log(server, job_id))
        ended = not follow or record.state.is_final
        # a log that overflowed begins with another mark: the whole rest is new then
        _print_log(text.removeprefix(shown))
        shown = text
        if not ended:
            time.sleep(_FOLLOW_PAUSE_S)


def _print_log(text: str) -> None:
    """A part of a log: as it is, unless a terminal would obey it."""
    shown = wording.for_terminal(text) if sys.stdout.isatty() else text
    # click would take the colours out of what goes into a pipe
    click.echo(shown, nl=False, color=True)


@dataclass(frozen=True, slots=True)
class _Listing:
    """Jobs as they are listed."""

    jobs: list[JobRecord]
    #: whether there are more than those
    cut: bool
    #: what some of them wait for in vain, and what helps
    lacks: list[str]


def _narrowed(
    settings: Settings, queue: str | None, states: tuple[str, ...], limit: int, narrow: Mapping[str, Any]
) -> list[JobRecord]:
    """The newest of what was asked for by more than queue and state, and one more."""
    from nbqueue.cli.session import here
    from nbqueue.client import finding
    from nbqueue.client.session import session

    asked = finding.wanted(state=states or None, queue=queue or "", limit=limit + 1, **narrow)
    with here(settings):
        return session().begin(lambda link: finding.find(link, asked), what="looking up jobs").wait()


def _dead(settings: Settings, queue: str, limit: int, given: Mapping[str, Any]) -> list[JobRecord]:
    """The newest of what failed for good in a queue and was not retried, and one more."""
    from nbqueue.cli.session import here
    from nbqueue.client.queue import Queue

    if came := [f"--{name}" for name, value in given.items() if value and name != "since"]:
        raise ConfigurationError(
            f"--dead {names.shown(queue)} takes no {' and no '.join(came)}: it lists all that failed for good in a "
            "queue; narrow it by --since or --limit."
        )
    with here(settings):
        return list(Queue(queue).dead(since=given["since"], limit=limit + 1).wait().records)


async def _listed(
    server: Server, queue: str | None, states: frozenset[str], limit: int, narrowed: list[JobRecord] | None
) -> _Listing:
    """Those that run, those next to run, then ended ones, the newest first; or those that were found already."""
    found = await _found(server, queue, states, limit + 1) if narrowed is None else narrowed
    kept = found[:limit]
    waiting = [item for item in kept if item.may_lack]
    there = await server.ask(lambda client: offers(client, server.keys)) if waiting else {}
    lacks = {lack(item, there) for item in waiting} - {""}
    return _Listing(kept, cut=len(found) > limit, lacks=sorted(lacks))


async def _found(server: Server, queue: str | None, states: frozenset[str], limit: int) -> list[JobRecord]:
    from nbqueue.analysis.records import Query, read

    async def live(client: Any) -> list[str]:
        served = [queue] if queue else await queues.names(client, server.keys)
        wanted = states or frozenset(State)
        parts = [await queues.ids(client, server.keys, name, limit=limit, states=wanted) for name in served]
        return [job_id for part in parts for job_id in part]

    ids = dict.fromkeys(await server.ask(live))
    ended: dict[str, None] = {}
    async for part in read(server.ask, server.keys, Query(queue=queue or "", states=states, limit=10 * limit)):
        ended.update(dict.fromkeys(str(record.get("job")) for record in part.records))
    ids.update(dict.fromkeys(reversed(ended)))
    records = await server.ask(lambda client: wire.records(client, server.keys, list(ids)))
    found = [item for item in records if item is not None and (not states or item.state in states)]
    # of several queues too
    return sorted(found, key=lambda item: item.state is not State.RUNNING)[:limit]


async def _log(server: Server, job_id: str) -> tuple[JobRecord, str]:
    # the state first: whatever is written before the end is then in the text
    [record] = await server.ask(lambda client: wire.records(client, server.keys, [job_id]))
    if record is None:
        raise JobLost(f'The server knows no job "{job_id}": `nbqueue jobs` lists those it knows.', job_id=job_id)
    return record, await server.ask(lambda client: wire.log_text(client, server.keys, job_id))


def _row(item: JobRecord) -> tuple[object, ...]:
    state = f"{item.state} ({item.reason})" if item.reason else item.state
    done = "" if item.progress.fraction is None else f"{item.progress.fraction:.0%}"
    error = f"{item.error_type}: {item.error}" if item.error_type else ""
    label = item.label if item.label != item.function else ""
    ran = tables.span(item.elapsed_s)
    return (item.id, state, item.queue, item.function, label, done, tables.ago(item.submitted_at), ran, error)


def read_arguments(words: tuple[str, ...]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, given as JSON, and as name=JSON."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        match = _KEYWORD.match(word)
        if match:
            kwargs[match[1]] = _json(match[2], match[1])
        else:
            args.append(_json(word, f"Argument {len(args) + 1}"))
    return args, kwargs


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError(
            f"{what} is no JSON: {text!r}. Write text in quotation marks, kept from the shell: '\"text\"'."
        ) from None


def _shown(result: Any) -> str:
    try:
        return json.dumps(result)
    except (TypeError, ValueError):
        return repr(result)
