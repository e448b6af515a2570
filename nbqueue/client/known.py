"""Looks jobs up: `jobs` by what is true of them, `attach()` by who submitted them or by their id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, overload

from nbqueue.broker import gates
from nbqueue.client import attaching, contents, finding, frames
from nbqueue.client.arguments import Predicate, predicate
from nbqueue.client.attaching import Found
from nbqueue.client.contents import Contents
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.named import Named, NamedError, error_named, group_named, name_of, queue_named, tag_named
from nbqueue.client.origin import in_words, origin
from nbqueue.client.pending import Pending
from nbqueue.client.selection import Selection
from nbqueue.client.session import Session, session
from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.job import JobRecord
from nbqueue.model.moments import Moment
from nbqueue.model.names import check_job_id, check_limit
from nbqueue.model.shown import ShownNow
from nbqueue.model.states import State


class Jobs(ShownNow):
    """Jobs that the server knows: `await jobs.recent()`."""

    def recent(self, limit: int = 50, *, everywhere: bool = False) -> Pending[Selection]:
        """The last jobs of this notebook, newest first; `everywhere`: all that are waiting or running."""
        check_limit(limit)
        if everywhere:
            return _look_up(lambda link: attaching.everywhere(link, limit), "all queues, waiting or running")
        found_by = origin()
        return _look_up(lambda link: attaching.last_of(link, found_by, limit), in_words(found_by))

    def frame(self, limit: int = 1000, *, everywhere: bool = False) -> Pending[Any]:
        """The last jobs, as of `recent`, as a pandas frame with arguments and results, as far as these are kept.

        The same as `(await jobs.recent(limit)).frame(values=True)`: what `where` finds has it too.
        """
        check_limit(limit)
        found_by = origin()

        async def asked(link: Link) -> tuple[Sequence[JobRecord], Contents]:
            found = await (
                attaching.everywhere(link, limit) if everywhere else attaching.last_of(link, found_by, limit)
            )
            return found.records, await contents.read(link, found.records)

        return Pending(
            session().call(asked), lambda found: frames.of_records(*found), what="the frame of the last jobs"
        )

    def where(
        self, *, state: str | State | Collection[str | State] | None = None, queue: str = "", function: Named = "",
        tag: str = "", error: NamedError = "", since: Moment | None = None, until: Moment | None = None,
        slower_than: Duration | None = None, args: Predicate | None = None, limit: int = 100_000,
    ) -> Pending[Selection]:  # fmt: skip
        """The jobs that all of this is true of, newest first.

        Args:
            state: one state or several, live or final.
            queue: the queue they are in.
            function: their function, or its qualified name.
            tag: a tag they have.
            error: the class of their error (that very class), its name, a part of its first line, or a compiled
                pattern, such as re.compile("no .* found"), that is searched for in "Type: first line".
            since: "7d", "2h", a timedelta (both back from now), an aware datetime, or an entry of a history frame:
                submitted or ended since then.
            until: the same: submitted or ended until then.
            slower_than: seconds, a timedelta or text such as "5min": they run longer than that, or their last attempt
                did.
            args: called with the arguments of each job that all else is true of, here, in a thread of its own; whether
                it is meant. Jobs whose arguments are kept no longer, as those that succeeded, are left out: `.unread`
                counts them.
            limit: at most so many: the newest that have ended, and of those that wait the first in their queues.
        """
        asked = finding.wanted(
            state=state, queue=queue_named(queue), function=name_of(function), tag=tag_named(tag),
            error=error_named(error), since=since, until=until, slower_than=slower_than, args=predicate(args),
            limit=limit,
        )  # fmt: skip
        return _look_up(lambda link: attaching.search(link, asked), "this search")

    def pause(self, *, function: Named = "", tag: str = "", group: str = "") -> Pending[None]:
        """Let no more jobs of a function, with a tag, or of a group (its id), start; those that run go on."""
        gate = _gate(function, tag, group)
        return session().begin(
            lambda link: link.wire.ask(lambda client: gates.pause(client, link.wire.keys, gate)), what=f"pausing {gate}"
        )

    def resume(self, *, function: Named = "", tag: str = "", group: str = "") -> Pending[None]:
        """Let them start again."""
        gate = _gate(function, tag, group)
        return session().begin(
            lambda link: link.wire.ask(lambda client: gates.resume(client, link.wire.keys, gate)),
            what=f"resuming {gate}",
        )

    def paused(self) -> Pending[list[str]]:
        """What is paused: `q:<queue>`, `f:<function>`, `t:<tag>` and `g:<group>`."""
        return session().begin(
            lambda link: link.wire.ask(lambda client: gates.paused(client, link.wire.keys)),
            what="asking what is paused",
        )

    def __repr__(self) -> str:
        return "<jobs: await jobs.recent(), await jobs.where(state=...)>"


def _gate(function: Named, tag: str, group: str) -> str:
    named = {"f": name_of(function), "t": tag_named(tag), "g": group_named(group)}
    given = [f"{kind}:{name}" for kind, name in named.items() if name]
    if len(given) != 1:
        raise ConfigurationError("Give one of function=, tag= and group=; a queue is paused by Queue(name).pause().")
    return given[0]


jobs = Jobs()


@overload
def attach(job_id: str, /) -> Pending[Job[Any]]: ...
@overload
def attach(*, group: str) -> Pending[JobGroup[Any]]: ...
@overload
def attach(*, everywhere: bool = False) -> Pending[Selection]: ...
def attach(job_id: str | None = None, /, *, group: str | None = None, everywhere: bool = False) -> Pending[Any]:
    """Handles of jobs that go on or have ended, after the kernel was restarted or from elsewhere.

    Args:
        job_id: of one job; its handle is given.
        group: id of a group, of which one handle is given, with all of its jobs that the server knows. It has no
            arguments, and with `batch=` a job's result is the list of those of its items.
        everywhere: all that are waiting or running in the server, and not this notebook's alone.

    Raises:
        JobLost: the server knows no job or group of that id.
        ConfigurationError: more than one of these was given.
    """
    if [job_id, group, everywhere or None].count(None) < 2:  # noqa: PLR2004 - of three
        raise ConfigurationError("attach() takes one of a job's id, group= and everywhere=: leave the others out.")
    if group is not None:
        return _attach_group(group)
    if job_id is None:
        if everywhere:
            return jobs.recent(attaching.MOST, everywhere=True)
        found_by = origin()
        return _look_up(lambda link: attaching.all_of(link, found_by, attaching.MOST), in_words(found_by))
    here = session()
    check_job_id(job_id)

    def handle(record: JobRecord) -> Job[Any]:
        return Job(record.id, name=record.label or record.function, of=here)

    return Pending(here.call(lambda link: attaching.one(link, job_id)), handle, what=f"looking up job {job_id}")


async def group_again(link: Link, group: str, of: Session) -> JobGroup[Any]:
    """The handle of a group by its id. Raises JobLost where the server knows none of its jobs."""
    found = await attaching.group_of(link, group)
    return Selection(found, f"group {group}", of).grouped(found.records[0], group)


def _attach_group(group: str) -> Pending[JobGroup[Any]]:
    group = group_named(group)
    here = session()
    return here.begin(lambda link: group_again(link, group, here), what=f"looking up group {group}")


def _look_up(ask: Callable[[Link], Coroutine[Any, Any, Found]], words: str) -> Pending[Selection]:
    here = session()
    return Pending(here.call(ask), lambda found: Selection(found, words, here), what="looking up jobs")
