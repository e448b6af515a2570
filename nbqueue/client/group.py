"""`JobGroup`: the handle of many jobs of one function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, overload
from weakref import WeakSet

from nbqueue.client import cancelling, hooks
from nbqueue.client.answer import Answer, cut_off
from nbqueue.client.ended import Ended
from nbqueue.client.gathering import Gathering
from nbqueue.client.group_live import GroupLive
from nbqueue.client.handle import Job
from nbqueue.client.lacking import reason
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending, Waitable
from nbqueue.client.portal import Place
from nbqueue.client.session import Session
from nbqueue.client.stream import Stream
from nbqueue.client.waiting import accepted_first
from nbqueue.model.states import State

T_co = TypeVar("T_co", covariant=True)


class JobGroup(Waitable[list[T_co]]):
    """The handle of many jobs: `await group` (or `group.wait()`) gives their results, in the order of the arguments.

    As with asyncio.gather, the first job that does not end well ends the wait with its error; the others go on.
    """

    def __init__(
        self, group_id: str, members: Sequence[Job[T_co]], *, of: Session, name: str = "",
        queue: str = "", accepted: Future[Any] | None = None,
    ) -> None:  # fmt: skip
        #: names it in the records of its jobs
        self.id = group_id
        self._members = tuple(members)
        self._by_id = {job.id: job for job in members}
        self._name = name
        self._queue = queue
        self._session = of
        self._accepted = accepted
        self._portal: Place | None = None
        self._gathering: Gathering | None = None
        self._lives: WeakSet[GroupLive] = WeakSet()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its jobs, in order."""
        return tuple(self._by_id)

    @property
    def label(self) -> str:
        """The name of its function."""
        return self._name

    @property
    def queue(self) -> str:
        """The queue of its jobs; empty where there are none."""
        return self._queue or (self._members[0].queue if self._members else "")

    @property
    def session(self) -> Session:
        """The session it goes by: which server, which key."""
        return self._session

    def as_completed(self) -> Stream[Job[T_co]]:
        """Its jobs in the order in which they end; `await job` then gives each result at once."""
        gathering = self._gathered()
        box = gathering.mailbox()

        def job(job_id: str) -> Job[T_co]:
            found = self._by_id[job_id]
            found.know(gathering.ended[job_id])
            return found

        return Stream(box, lambda: gathering.drop(box), what=self._what(), read=job)

    def results(self, *, return_errors: bool = False) -> Pending[list[Any]]:
        """The results once all have ended; with `return_errors`, errors stand in their places and nothing is raised."""
        gathering = self._gathered()

        def read(_: object) -> list[Any]:
            ended = self._settled().ended
            return [self._result(ended[job.id], job, return_errors=return_errors) for job in self._members]

        return Pending(gathering.all_ended, read, what=self._what(), line=self._stopped_line(), for_jobs=True)

    def progress(self) -> Pending[Mapping[State, int]]:
        """How many of its jobs are in which state now; those the server no longer knows are left out."""

        async def asked(link: Link) -> Mapping[State, int]:
            counts: Counter[State] = Counter()
            for start in range(0, len(self._members), 1000):
                batch = self.ids[start : start + 1000]
                counts.update(state for state in await link.states(batch) if state is not None)
            return dict(counts)

        return self._begin(asked, f"counting {self._what()}")

    def cancel(self) -> Pending[Mapping[str, int]]:
        """Stop all of them; how many are "cancelled", "already finished" or "requested"."""

        async def asked(link: Link) -> Mapping[str, int]:
            answers = await cancelling.cancel_all(link, self.ids)
            return {str(answer): count for answer, count in answers.items()}

        return self._begin(asked, f"cancelling {self._what()}")

    def live(self) -> GroupLive:
        """Its counts, kept up to date in the background; close() it when it is shown no more."""
        live = GroupLive(self.ids)
        if self._gathering is not None:
            live.know(_states(self._gathering))
        self._lives.add(live)
        self._begin(live.begin, f"following {self._what()}")
        return live

    def _gathered(self) -> Gathering:
        """The one collection of ends; begun anew in a forked copy or after a shutdown."""
        found = self._gathering
        if found is None or found.is_broken or not (found.all_ended.done() or self._session.is_here(self._portal)):
            line = hooks.line()
            found = self._gathering = Gathering(self.ids, told=line.moved if line is not None else None)
            self._portal = self._session.portal
            begun = self._session.call(accepted_first(self._accepted, found.watch))
            begun.add_done_callback(lambda done: _tell_failure(found, done))
        return found

    def _answer(self) -> Answer[None]:
        return Answer(self._gathered().settled)

    def _take(self, answer: Answer[None]) -> list[T_co]:
        answer.get()
        ended = self._settled().ended
        # the first in order among those that did not end well so far
        for job in self._members:
            if job.id in ended and not ended[job.id].succeeded:
                self._result(ended[job.id], job)
        return [self._result(ended[job.id], job) for job in self._members]

    def _settled(self) -> Gathering:
        """The ends, after whoever shows the group was told of them: the cell that waited goes on now."""
        gathering = self._gathered()
        states = _states(gathering)
        for live in tuple(self._lives):
            live.know(states)
        hooks.settle(self)
        return gathering

    def _result(self, ended: Ended, job: Job[T_co], *, return_errors: bool = False) -> Any:
        job.know(ended)
        try:
            return job.value(ended)
        except Exception as error:
            if return_errors:
                return error
            raise

    def _begin(self, act: Any, what: str) -> Pending[Any]:
        return Pending(self._session.call(accepted_first(self._accepted, act)), what=what)

    def _what(self) -> str:
        return f"the group of {len(self._members):,} jobs"

    def _reason(self, patience_s: float) -> str:
        ended = self._gathering.ended if self._gathering is not None else {}
        waiting = next((job for job in self._members if job.id not in ended), None)
        return "" if waiting is None else reason(self._session, waiting.id, patience_s)

    def _stopped_line(self) -> str:
        return f"nbqueue: stopped waiting; {self._what()} goes on (group.cancel() stops it)"

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
        name = f" of {self._name}" if self._name else ""
        ended = len(self._gathering.ended) if self._gathering is not None else 0
        shown = f" {self.id}" if self.id else ""
        return f"<JobGroup{shown}: {len(self._members):,} jobs{name}, {ended:,} known to have ended>"


def _states(gathering: Gathering) -> dict[str, State]:
    """How those jobs ended that are known to have."""
    return {job_id: ended.state or State.CRASHED for job_id, ended in tuple(gathering.ended.items())}


def _tell_failure(gathering: Gathering, begun: Future[None]) -> None:
    error = cut_off() if begun.cancelled() else begun.exception()
    if error is not None:
        gathering.break_off(error)
