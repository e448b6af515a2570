"""`JobGroup`: the handle of many jobs of one function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, overload
from weakref import WeakSet

from nbqueue.client import cancelling, graph, group_frame, grouping, hooks, metrics, removing, values
from nbqueue.client.answer import Answer
from nbqueue.client.batches import by_item, by_job
from nbqueue.client.changing import ChangesMany
from nbqueue.client.gathering import Gathering
from nbqueue.client.graph import Graph
from nbqueue.client.group_live import GroupLive
from nbqueue.client.handle import Job
from nbqueue.client.hints import ForGroup
from nbqueue.client.items import Items
from nbqueue.client.lacking import reason
from nbqueue.client.link import Link
from nbqueue.client.outputs import ResultOf, place
from nbqueue.client.pending import Pending, Waitable
from nbqueue.client.portal import Place
from nbqueue.client.session import Session
from nbqueue.client.stream import Stream
from nbqueue.client.telling import OF_GROUP, tell_after
from nbqueue.model.output import Output, StandIn
from nbqueue.model.shown import plain
from nbqueue.model.states import State
from nbqueue.model.webhook import on_group_done

T_co = TypeVar("T_co", covariant=True)


class JobGroup(ChangesMany, metrics.OfMany, Waitable[list[T_co]], Output, ForGroup):
    """The handle of many jobs: `await group` (or `group.wait()`) gives their results, in the order of the arguments.

    As with asyncio.gather, the first job that does not end well ends the wait with its error; the others go on.
    """

    def __init__(
        self, group_id: str, members: Sequence[Job[T_co]], *, of: Session, name: str = "",
        queue: str = "", items: Sequence[tuple[Any, ...]] = (), batch: int = 1, is_counted: bool = False,
        older: Sequence[str] = (), before: Collection[str] = (),
    ) -> None:  # fmt: skip
        #: names it in the records of its jobs
        self.id = group_id
        self._members = tuple(members)
        self._by_id = {job.id: job for job in members}
        self._name = name
        self._queue = queue
        self._session = of
        #: the arguments of each item, where it was submitted from here
        self._items = items
        self._batch = batch
        self._is_counted = is_counted
        #: ids of the groups that those of its jobs belong to which are not of its own
        self._older = tuple(older)
        #: of these, jobs that had ended before its own began
        self._before = before
        self._portal: Place | None = None
        self._gathering: Gathering | None = None
        self._lives: WeakSet[GroupLive] = WeakSet()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its jobs, in the order of the items; one that stands for several items is there for each."""
        return tuple(job.id for job in self._members)

    @property
    def label(self) -> str:
        """The name of its function."""
        return self._name

    @property
    def output(self) -> list[T_co]:
        """Stands for the list of its results in the arguments of another job; so does the handle itself."""
        return cast("list[T_co]", ResultOf(self))

    @property
    def queue(self) -> str:
        """The queue of its jobs; empty where there are none."""
        return self._queue or (self._members[0].queue if self._members else "")

    @property
    def session(self) -> Session:
        """The session it goes by: which server, which key."""
        return self._session

    @property
    def awaited_ids(self) -> tuple[str, ...]:
        """What a job names that waits for all of it: its own id where the server counts it, else those of its jobs."""
        return (self.id,) if self._is_counted and self.id else self._changed_ids()

    def as_completed(self) -> Stream[Job[T_co]]:
        """Its jobs in the order in which they end; `await job` then gives each result at once."""
        gathering = self._gathered()
        box = gathering.mailbox()

        def job(job_id: str) -> Job[T_co]:
            found = self._by_id[job_id]
            found.know(gathering.ended[job_id])
            return found

        line = self._stopped_line()
        return Stream(box, lambda: gathering.drop(box), what=self._what(), read=job, line=line)

    def results(self, *, return_errors: bool = False) -> Pending[list[Any]]:
        """The results once all have ended; with `return_errors`, errors stand in their places and nothing is raised."""
        gathering = self._gathered()

        def read(_: object) -> list[Any]:
            ended = self._settled().ended
            return self._by_item(
                [values.value(ended[job.id], job, return_errors=return_errors) for job in self._members]
            )

        return Pending(
            gathering.all_ended, read, what=self._what(), line=self._stopped_line(), for_jobs=True,
            steps=lambda: values.in_steps(self._members, gathering.ended),
        )  # fmt: skip

    def progress(self) -> Pending[Mapping[State, int]]:
        """How many of its jobs are in which state now; those the server no longer knows are left out."""
        counted, ids = self.id if self._is_counted else "", self._changed_ids()
        return self._begin(lambda link: grouping.progress(link, counted, ids), f"counting {self._what()}")

    def graph(self) -> Pending[Graph]:
        """The jobs around its own: those whose results they take, those that take theirs, and so on."""
        return self._begin(lambda link: graph.read(link, (self.id, *self.ids)), f"reading the graph of {self._what()}")

    def cancel(self) -> Pending[Mapping[str, int]]:
        """Stop all of them; how many are "cancelled", "already finished" or "requested"."""

        async def asked(link: Link) -> Mapping[str, int]:
            answers = await cancelling.cancel_all(link, self._changed_ids())
            return {str(answer): count for answer, count in answers.items()}

        return self._begin(asked, f"cancelling {self._what()}")

    def on_done(self, told: Callable[[JobGroup[T_co]], object]) -> None:
        """Call it with this group once all jobs have ended, in a thread of its own, as long as this process lives."""
        called = on_group_done(told)
        tell_after(self._gathered().all_ended, called, self, OF_GROUP)

    def pause(self) -> Pending[None]:
        """Let no more of its jobs start; those that run go on."""
        return self._begin(lambda link: grouping.pause(link, self._gates), f"pausing {self._what()}")

    def resume(self) -> Pending[None]:
        """Let its jobs start again."""
        return self._begin(lambda link: grouping.resume(link, self._gates), f"resuming {self._what()}")

    def delete(self) -> Pending[Mapping[str, int]]:
        """Forget it: its waiting jobs leave, those that have ended are forgotten, those that run go on.

        How many are "deleted" or "running".
        """
        return self._begin(lambda link: removing.delete(link, self._changed_ids()), f"deleting {self._what()}")

    def retry_failed(self) -> Pending[JobGroup[T_co]]:
        """A group with new jobs in the places of those that ended otherwise than well; the new ones have its id.

        One that was retried before stands as its last retry, and runs again only where that has failed too. Raises
        JobError, and submits none, where one of them cannot be retried.
        """
        return self._renewed(grouping.retry_failed, f"retrying what failed of {self._what()}")

    def newest(self) -> Pending[JobGroup[T_co]]:
        """The group as it was retried last: retries in the places of what failed; itself where there are none."""
        return self._renewed(grouping.newest, f"looking for retries of {self._what()}")

    def frame(self) -> Pending[Any]:
        """A pandas frame with a row a job, once all have ended: arguments, state, result or error.

        Of a group that was not submitted from here, `unread` says where the arguments are kept no longer.
        """
        gathering = self._gathered()
        future, read = group_frame.begin(self._session, self._members, by_job(self._items, self._batch), gathering)
        return Pending(
            future, read, what=self._what(), line=self._stopped_line(),
            steps=lambda: values.in_steps(self._members, gathering.ended),
        )  # fmt: skip

    def live(self) -> GroupLive:
        """Its counts, kept up to date in the background; close() it when it is shown no more."""
        live = GroupLive(self._changed_ids(), Items(self.ids, self._items, self._batch), self._before)
        if self._gathering is not None:
            live.know(self._gathering.states)
        self._lives.add(live)
        self._begin(live.begin, f"following {self._what()}")
        return live

    def _renewed(
        self, act: Callable[..., Coroutine[Any, Any, grouping.Renewed | None]], what: str
    ) -> Pending[JobGroup[T_co]]:
        def read(found: grouping.Renewed | None) -> JobGroup[T_co]:
            if found is None:
                return self
            members = [found.jobs[job.id] for job in self._members]
            older = dict.fromkeys((*self._gates, *found.others))
            return JobGroup(
                found.id, members, of=self._session, name=self._name, queue=self._queue, items=self._items,
                batch=self._batch, is_counted=found.is_counted, older=[each for each in older if each != found.id],
                before=found.before,
            )  # fmt: skip

        return Pending(self._session.promise(lambda link: act(link, self._members, self.id)), read, what=what)

    def _gathered(self) -> Gathering:
        """The one collection of ends; begun anew in a forked copy or after a shutdown."""
        found = self._gathering
        if found is None or found.is_broken or not (found.all_ended.done() or self._session.is_here(self._portal)):
            line = hooks.line()
            found = self._gathering = Gathering(self._changed_ids(), told=line.moved if line is not None else None)
            self._portal = self._session.portal
            begun = self._session.call(found.watch)
            begun.add_done_callback(found.begun)
        return found

    def _answer(self) -> Answer[None]:
        return Answer(self._gathered().settled)

    def _take(self, answer: Answer[None]) -> list[T_co]:
        answer.get()
        ended = self._settled().ended
        # the first in order among those that did not end well so far
        for job in self._members:
            if job.id in ended and not ended[job.id].succeeded:
                values.value(ended[job.id], job)
        return self._by_item([values.value(ended[job.id], job) for job in self._members])

    def _settled(self) -> Gathering:
        """The ends, after whoever shows the group was told of them: the cell that waited goes on now."""
        gathering = self._gathered()
        states = gathering.states
        for live in tuple(self._lives):
            live.know(states)
        hooks.settle(self)
        return gathering

    def _steps(self) -> Iterator[None]:
        gathering = self._gathered()
        # where a job did not end well its error is all that is raised
        return values.in_steps(self._members, gathering.ended) if gathering.is_well else iter(())

    def _by_item(self, found: list[Any]) -> list[Any]:
        return by_item(found, self._batch, len(self._items))

    @property
    def _gates(self) -> tuple[str, ...]:
        # the gate of an empty name would be that of all jobs without a group
        return tuple(filter(None, (self.id, *self._older)))

    def _changed_ids(self) -> tuple[str, ...]:
        return tuple(self._by_id)  # each of its jobs once

    def _begin(self, act: Any, what: str) -> Pending[Any]:
        pending: Pending[Any] = self._session.begin(act, what=what)
        return pending

    def _what(self) -> str:
        return f"the group of {len(self._members):,} jobs"

    def _reason(self, patience_s: float) -> str:
        ended = self._gathering.ended if self._gathering is not None else {}
        waiting = next((job for job in self._members if job.id not in ended), None)
        return "" if waiting is None else reason(self._session, waiting.id, patience_s)

    def _stopped_line(self) -> str:
        if not self.id:  # jobs that were found
            return f"nbqueue: stopped waiting; the {len(self)} jobs go on (found.cancel() stops them)"
        return f"nbqueue: stopped waiting; {self._what()} goes on (group.cancel() stops it)"

    def __nbqueue_output__(self) -> StandIn:
        return StandIn(job_ids=self.ids, many=True, flat=self._batch > 1, place=place(self._session.settings))

    def _ipython_display_(self) -> None:
        if not hooks.display(self):
            raise NotImplementedError  # IPython then shows the repr

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Job[T_co]]:
        return iter(self._members)

    @overload
    def __getitem__(self, index: int) -> Job[T_co]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Job[T_co], ...]: ...
    def __getitem__(self, index: int | slice) -> Job[T_co] | tuple[Job[T_co], ...]:
        return self._members[index]

    def __repr__(self) -> str:
        name = f" of {plain(self._name)}" if self._name else ""
        ended = len(self._gathering.ended) if self._gathering is not None else 0
        shown = f" {self.id}" if self.id else ""
        return f"<JobGroup{shown}: {len(self._members):,} jobs{name}, {ended:,} known to have ended>"
