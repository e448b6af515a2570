"""Commands for what becomes of jobs: wait for their ends, and their results."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import click

import nbqueue
from nbqueue.cli import tables
from nbqueue.cli.durations import Seconds
from nbqueue.cli.reach import as_json, leave, with_settings
from nbqueue.cli.session import here
from nbqueue.cli.spoken import EXIT_FAILED, EXIT_NOT_ENDED
from nbqueue.cli.submitting import waited
from nbqueue.cli.values import as_plain, shown
from nbqueue.cli.works import METAVAR, jobs_of, members_by_id
from nbqueue.client.grouping import states_of
from nbqueue.client.lacking import reason
from nbqueue.client.link import Link, unknown
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError, NbqueueError
from nbqueue.model.advice import PATIENCE_S
from nbqueue.model.events import StateChanged
from nbqueue.model.settings import Settings
from nbqueue.model.states import State

#: files of these suffixes are written by pickle
PICKLES = (".pkl", ".pickle")


#: the longest that nothing is heard of
_LOOK_S = 60.0


class _Ends:
    """Hears of the ends of jobs, on the client's own thread, and hands them on."""

    def __init__(self, told: Callable[[tuple[str, str] | NbqueueError], None]) -> None:
        self._told = told

    def changed(self, change: StateChanged) -> None:
        """Tell an end; it may be told more than once."""
        if change.state.is_final:
            self._told((change.job_id, change.state.value))

    def lost(self, job_id: str) -> None:
        """Tell that nobody knows it."""
        self._told((job_id, "unknown"))

    def connection(self, *, up: bool) -> None:
        """Waiting goes on."""

    def failed(self, error: NbqueueError) -> None:
        """Tell what keeps from waiting."""
        self._told(error)


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar=METAVAR)
@click.option("--timeout", "timeout_s", type=Seconds(0), default=None, metavar="S", help="Wait at most so long.")
@as_json
@with_settings
def wait(settings: Settings, *, job_ids: tuple[str, ...], timeout_s: float | None, json_wanted: bool) -> None:
    """Wait until jobs have ended, and print how.

    A line each as it ends: its id and its state. The id of a group stands for all of its jobs. Ctrl-C ends the waiting
    alone.

    Exit code 0 if all succeeded, 1 if one did not or is unknown, 4 if some have not ended when the time of --timeout is
    over. Example:

    nbqueue wait "$id" --timeout 10min && nbqueue result "$id"
    """
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    found: dict[str, str] = {}
    with here(settings):
        told: SimpleQueue[tuple[str, str] | NbqueueError] = SimpleQueue()
        ids = session().begin(lambda link: _follow(link, job_ids, told.put), what="asking for jobs").wait()
        for job_id, state in _ended(ids, told, ends_at):
            found[job_id] = state
            _say_end(job_id, state, json_wanted=json_wanted)
        late = [job_id for job_id in ids if job_id not in found]
        states = session().begin(lambda link: states_of(link, late), what="asking for jobs").wait() if late else {}
    # what had ended may not have been heard of in so short a time
    left = {job_id: states[job_id] for job_id in late if job_id in states and not states[job_id].is_final}
    for job_id in late:
        if job_id not in left:
            found[job_id] = states[job_id].value if job_id in states else "unknown"
            _say_end(job_id, found[job_id], json_wanted=json_wanted)
    if json_wanted:
        tables.print_json({job_id: found.get(job_id) or left[job_id] for job_id in ids})
    for job_id, open_ in () if json_wanted else left.items():
        click.echo(f"{job_id}  {open_}", err=True)
    leave(EXIT_NOT_ENDED if left else EXIT_FAILED if set(found.values()) - {State.SUCCEEDED.value} else 0)


def _say_end(job_id: str, state: str, *, json_wanted: bool) -> None:
    if not json_wanted:
        click.echo(f"{job_id}  {state}")


async def _follow(
    link: Link, names: Sequence[str], told: Callable[[tuple[str, str] | NbqueueError], None]
) -> list[str]:
    """Hear of the ends of the jobs that are named; their ids."""
    ids = await jobs_of(link.wire.ask, link.wire.keys, names)
    link.follow.join(ids, _Ends(told))
    return ids


def _ended(
    ids: Sequence[str], told: SimpleQueue[tuple[str, str] | NbqueueError], ends_at: float | None
) -> Iterator[tuple[str, str]]:
    """Each end once, until all have ended or the time is over; where nobody runs them that is said meanwhile."""
    left, says_at = dict.fromkeys(ids), time.monotonic() + PATIENCE_S
    while left:
        now = time.monotonic()
        if ends_at is not None and now >= ends_at:
            return
        try:
            end = told.get(timeout=max(min(ends_at or math.inf, says_at, now + _LOOK_S) - now, 0.0))
        except Empty:
            if time.monotonic() >= says_at:
                _say_lack(next(iter(left)))
                says_at = math.inf
            continue
        if isinstance(end, NbqueueError):
            raise end
        if end[0] in left:
            del left[end[0]]
            yield end


def _say_lack(job_id: str) -> None:
    if sentence := reason(session(), job_id, PATIENCE_S):
        click.echo(f"nbqueue: {sentence}", err=True)


@click.command()
@click.argument("work_id", metavar="ID")
@click.option("--wait", "waits", is_flag=True, help="Wait for the end.")
@click.option("--timeout", "timeout_s", type=Seconds(0), default=None, metavar="S", help="Wait at most so long.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write it to this file: bytes and text as they are, a .pkl pickled, all else as JSON.")  # fmt: skip
@as_json
@with_settings
def result(
    settings: Settings, *, work_id: str, waits: bool, timeout_s: float | None, out: Path | None, json_wanted: bool
) -> None:  # fmt: skip
    """Print the result of a job, or those of a group.

    As JSON, a line each; what has no JSON as Python writes it. Of a group's job that failed the line is
    {"error": ...}.

    Exit code 1 if a job did not succeed, or its result is not kept any more; 4 if one has not ended, also when the
    time of --timeout is over. Example:

    nbqueue result "$id" --wait --out plan.json
    """
    if timeout_s is not None and not waits:
        raise ConfigurationError("--timeout says how long --wait waits: give both.")
    with here(settings), _in_time(work_id, timeout_s):
        members = session().begin(lambda link: _members(link, work_id, waits=waits), what="asking for jobs").wait()
        if not members:
            job = nbqueue.Job[Any](work_id)
            value = waited(job.wait, job, timeout_s)
            _say(value, {"id": work_id, "result": as_plain(value)}, out, json_wanted=json_wanted)
            return
        group = nbqueue.attach(group=work_id).wait()
        results = waited(group.results(return_errors=True).wait, group[0], timeout_s)
    print_results(work_id, len(members), results, out, json_wanted=json_wanted)


@contextmanager
def _in_time(work_id: str, timeout_s: float | None) -> Iterator[None]:
    """End the command where what is waited for takes longer."""
    try:
        yield
    except TimeoutError:
        if timeout_s is None:
            raise
        raise _NotEnded(f"{work_id} has no result yet: it has not ended within {timeout_s:g} s.") from None


async def _members(link: Link, work_id: str, *, waits: bool) -> Sequence[str]:
    """The jobs of a group; ends the command where one has not ended and is not to be waited for."""
    members = (await members_by_id(link.wire.ask, link.wire.keys, [work_id]))[work_id]
    states = await states_of(link, members or [work_id])
    if not states:
        raise unknown(work_id)
    open_ = [job_id for job_id, state in states.items() if not state.is_final]
    if open_ and not waits:
        which = f"{len(open_):,} of its jobs have" if members else f"it is {states[work_id]} and has"
        raise _NotEnded(f"{work_id} has no result yet: {which} not ended. Give --wait to wait for the end.")
    return members


class _NotEnded(click.ClickException):
    """Ends the command with a code of its own."""

    exit_code = EXIT_NOT_ENDED

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Say it as all commands do."""
        click.echo(f"nbqueue: {self.message}", err=True)


def print_results(
    group_id: str, jobs: int, results: Sequence[Any], out: Path | None = None, *, json_wanted: bool
) -> None:
    """Print what came of the items of a group, and end the command: with 1 where some failed."""
    failed = [number for number, each in enumerate(results, start=1) if isinstance(each, NbqueueError)]
    plain = [{"error": str(each)} if isinstance(each, NbqueueError) else each for each in results]
    whole = {"id": group_id, "jobs": jobs, "results": [as_plain(each) for each in plain]}
    if json_wanted or out is not None:
        _say(plain, whole, out, json_wanted=json_wanted)
    else:
        for each in plain:
            click.echo(shown(each))
    if failed:
        click.echo(
            f"nbqueue: {len(failed):,} of {len(results):,} items failed, the first is item {failed[0]}", err=True
        )
    leave(EXIT_FAILED if failed else 0)


def _say(value: Any, whole: dict[str, Any], out: Path | None, *, json_wanted: bool) -> None:
    """Print a result, or write it to a file."""
    if out is not None:
        _write(value, out)
    if json_wanted:
        tables.print_json(whole if out is None else {**whole, "file": out})
    elif out is None:
        click.echo(shown(value))


def _write(value: Any, out: Path) -> None:
    try:
        if out.suffix in PICKLES:
            content = pickle.dumps(value)
        elif isinstance(value, bytes):
            content = value
        else:
            content = (value if isinstance(value, str) else shown(value, strict=True) + "\n").encode()
        out.write_bytes(content)
    except (TypeError, ValueError, AttributeError, pickle.PicklingError) as error:
        raise ConfigurationError(
            f"A result of type {type(value).__name__} cannot be written to {out} ({error}): name a .pkl file, or read "
            "it in Python."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error}.") from None
