"""Jobs that were found: handles with what was known of each, and what is done with them at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, overload

from nbqueue.client import cancelling, contents, frames, hooks, metrics, moving, removing, requeueing, retrying
from nbqueue.client.attaching import Found
from nbqueue.client.changing import ChangesMany
from nbqueue.client.contents import Contents
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.named import queue_named
from nbqueue.client.pending import Pending
from nbqueue.client.preview import Preview, Verb, preview
from nbqueue.client.session import Session
from nbqueue.client.together import Together
from nbqueue.model.job import JobRecord, Records
from nbqueue.model.names import check_queue
from nbqueue.model.shown import Shown, plain

#: jobs that a repr names, of those that live and of those that have ended
SHOWN = 10


class Selection(ChangesMany, metrics.OfMany, Together, Sequence[Job[Any]], Shown):
    """Handles of jobs that were found, newest first, with what was known of each when they were looked up."""

    def __init__(
        self, found: Found, words: str, of: Session, *, refused: Mapping[str, str] | None = None
    ) -> None:  # fmt: skip
        #: what was known of them
        self.records = Records(found.records)
        #: how many others live that are not among them
        self.more = found.more
        #: whether there are others of these besides
        self.is_cut = found.is_cut or found.more > 0
        #: how many more may be meant, but their arguments, which `args=` asks about, cannot be had
        self.unread = found.unread
        #: of what `retry` and `requeue` gave: id -> sentence of each for which there is no job
        self.refused: Mapping[str, str] = dict(refused or {})
        self._groups = found.groups
        self._uncounted = found.uncounted
        #: whose they are
        self.words = words
        self._session = of
        self._jobs = tuple(self._handle(record.id, record) for record in self.records)

    @property
    def live(self) -> Selection:
        """Those that had not ended when they were looked up."""
        return self._part([record for record in self.records if not record.state.is_final])

    @property
    def ended(self) -> Selection:
        """Those that had."""
        return self._part([record for record in self.records if record.state.is_final])

    @property
    def works(self) -> tuple[Job[Any] | JobGroup[Any], ...]:
        """What its live jobs are seen as, newest first: each by itself, those of a group as one with all its jobs."""
        found: dict[str, Job[Any] | JobGroup[Any]] = {}
        for job, record in zip(self._jobs, self.records, strict=True):
            name = record.group or record.id
            if not record.state.is_final and name not in found:
                found[name] = self.grouped(record) if record.group else job
        return tuple(found.values())

    def without(self, works: Sequence[Job[Any] | JobGroup[Any]]) -> Selection:
        """The jobs that are not among these works."""
        names = {work.id for work in works}
        return self._part([record for record in self.records if not {record.id, record.group} & names])

    @property
    def besides(self) -> str:
        """That there are others, in words; nothing where these are all."""
        others = f"{self.more:,} more wait or run" if self.more else "there are more" if self.is_cut else ""
        unread = (
            f"{self.unread:,} left out, whose arguments are kept no longer or cannot be read" if self.unread else ""
        )
        return "; ".join(filter(None, (others, unread)))

    def preview(self, verb: Verb, *, queue: str = "", again: bool = False) -> Preview:
        """What `retry`, `cancel`, `delete` or `requeue` would do, in a line; nothing is done, and nobody asked.

        `queue` and `again` are as the verb takes them. It goes by what was known of the jobs when they were looked up.
        The verbs say the same line in a notebook.
        """
        return preview(verb, self.records, self.words, queue=queue, again=again)

    def cancel(self) -> Pending[Mapping[str, int]]:
        """Stop all of them; how many are "cancelled", "already finished" or "requested"."""
        self._say("cancel")

        async def asked(link: Link) -> Mapping[str, int]:
            answers = await cancelling.cancel_all(link, [job.id for job in self._jobs])
            return {str(answer): count for answer, count in answers.items()}

        return self._session.begin(asked, what=f"cancelling {len(self)} jobs")

    def retry(self, *, again: bool = False) -> Pending[Selection]:
        """New jobs for those that have ended, as they were submitted; `.refused` says of which there are none, and why.

        Args: `again`: those too that were retried before, which are left otherwise.
        """
        self._say("retry", again=again)
        ended = [record.id for record in self.records if record.state.is_final and (again or not record.retried_by)]

        async def asked(link: Link) -> tuple[list[JobRecord], Mapping[str, str]]:
            retried = await retrying.retry_all(link, ended, again=again)
            found = await link.records([draft.job_id for draft in retried.drafts.values()])
            return [record for record in found if record is not None], retried.refused

        return Pending(self._session.promise(asked), self._anew("retries"), what=f"retrying {len(self)} jobs")

    def requeue(self, queue: str = "", *, again: bool = False) -> Pending[Selection]:
        """Put them into a queue again: those that wait are moved, those that ended without success are retried there.

        The jobs that wait there now; `.refused` says for which there is none, and why. What runs or succeeded is left.

        Args:
            queue: empty: each into its own, so that those that wait stay where they are.
            again: those too that were retried before, which are left otherwise.
        """
        queue = queue_named(queue)
        chosen = set(self._say("requeue", queue, again=again).ids)
        records = [record for record in self.records if record.id in chosen]

        async def asked(link: Link) -> tuple[list[JobRecord], Mapping[str, str]]:
            done = await requeueing.requeue(link, records, queue, again=again)
            found = await link.records(list(done.found.values()))
            return [record for record in found if record is not None], done.refused

        return Pending(self._session.promise(asked), self._anew("requeued jobs"), what=f"requeueing {len(self)} jobs")

    def delete(self) -> Pending[Mapping[str, int]]:
        """Forget them: those that wait leave, those that run go on; how many are "deleted" or "running"."""
        self._say("delete")
        ids = [job.id for job in self._jobs]
        return self._session.begin(lambda link: removing.delete(link, ids), what=f"deleting {len(self)} jobs")

    def move(self, queue: str) -> Pending[int]:
        """Put those that wait into another queue; how many."""
        check_queue(queue)
        ids = [job.id for job in self._jobs]
        return self._session.begin(lambda link: moving.move_waiting(link, ids, queue), what=f"moving {len(self)} jobs")

    def frame(self, *, values: bool = False) -> Pending[Any]:
        """A pandas frame with a row a job: what was known of each when they were looked up.

        Args:
            values: with the arguments and the result of each, as far as they are kept; `unread` says of which they are
                not, and why. They are read from the server now, up to a gigabyte of them.
        """

        async def asked(link: Link) -> Contents | None:
            return await contents.read(link, self.records) if values else None

        here: Future[Contents | None] = Future()
        if values:
            here = self._session.call(asked)
        else:
            here.set_result(None)
        return Pending(
            here, lambda found: frames.of_records(self.records, found), what=f"the frame of {len(self)} jobs"
        )  # fmt: skip

    def show(self) -> None:
        """Show the live card of each."""
        for job in reversed(self._jobs):
            hooks.display(job)

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job[Any]]:
        return iter(self._jobs)

    @overload
    def __getitem__(self, index: int) -> Job[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Selection: ...
    def __getitem__(self, index: int | slice) -> Job[Any] | Selection:
        if isinstance(index, slice):
            return self._part(self.records[index])
        return self._jobs[index]

    def __repr__(self) -> str:
        more = f"; {self.besides}" if self.besides else ""
        lines = [f"<{len(self):,} jobs of {self.words}{more}>"]
        for part, word in ((self.live, "wait or run"), (self.ended, "have ended")):
            lines += [
                f"  {each.id}  {each.state:<10} {plain(each.label or each.function)}" for each in part.records[:SHOWN]
            ]
            if len(part) > SHOWN:
                lines.append(f"  ... and {len(part) - SHOWN:,} more that {word}")
        if self.refused:
            lines.append(f"  {len(self.refused):,} jobs could not be retried: see .refused")
        return "\n".join(lines)

    def _whole(self) -> JobGroup[Any]:
        return JobGroup("", self._jobs, of=self._session)

    def _changed_ids(self) -> Sequence[str]:
        return [job.id for job in self._jobs]

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, Any]], what: str) -> Pending[Any]:
        return self._session.begin(act, what=what)

    def _say(self, verb: Verb, queue: str = "", *, again: bool = False) -> Preview:
        """Say what is about to be done."""
        found = self.preview(verb, queue=queue, again=again)
        hooks.say(str(found))
        return found

    def _anew(self, words: str) -> Callable[[tuple[list[JobRecord], Mapping[str, str]]], Selection]:
        """What jobs that came of these are read as: found ones, and why there are no others."""
        return lambda found: Selection(
            Found(records=found[0]), f"{words} of {self.words}", self._session, refused=found[1]
        )

    def _part(self, records: Sequence[JobRecord]) -> Selection:
        return Selection(
            Found(records=records, groups=self._groups, uncounted=self._uncounted), self.words, self._session
        )

    def grouped(self, one: JobRecord, group: str = "") -> JobGroup[Any]:
        """The group of a job that was found (its own, if not given), with all jobs that the server knows, in order.

        Of one whose jobs the server does not list it has those that were found.
        """
        handles = {record.id: job for job, record in zip(self._jobs, self.records, strict=True)}
        group = group or one.group
        listed = self._groups.get(group, ())
        ids = listed or [record.id for record in reversed(self.records) if record.group == group]
        members = [handles.get(job_id) or self._handle(job_id, one) for job_id in ids]
        name = one.label or one.function
        return JobGroup(
            group, members, of=self._session, name=name, queue=one.queue,
            is_counted=bool(listed) and group not in self._uncounted,
        )  # fmt: skip

    def _handle(self, job_id: str, like: JobRecord) -> Job[Any]:
        return Job(job_id, name=like.label or like.function, of=self._session)

    def _ipython_display_(self) -> None:
        if not hooks.display(self):
            raise NotImplementedError  # IPython then shows the repr
