"""`Job`: the handle of one job."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar, cast
from weakref import WeakSet

from nbqueue.client import cancelling, graph, hooks, metrics, moving, removing, retrying, word
from nbqueue.client.answer import Answer, known
from nbqueue.client.attempts import attempts
from nbqueue.client.changing import ChangesOne
from nbqueue.client.draft import Draft
from nbqueue.client.ended import Ended, fault_of, value_of
from nbqueue.client.feed import follow_events
from nbqueue.client.graph import Graph
from nbqueue.client.hints import ForJob
from nbqueue.client.lacking import reason
from nbqueue.client.link import Link
from nbqueue.client.live import Live
from nbqueue.client.outputs import ResultOf, place
from nbqueue.client.pending import Pending, Waitable
from nbqueue.client.portal import Place
from nbqueue.client.session import Session, session
from nbqueue.client.stream import Stream
from nbqueue.client.waiting import accepted_first
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.delivery import Delivery
from nbqueue.model.events import Event
from nbqueue.model.job import JobRecord
from nbqueue.model.names import check_queue
from nbqueue.model.output import Output, StandIn
from nbqueue.model.shown import plain
from nbqueue.model.states import State

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NOT_LOADED = object()


class Job(ChangesOne, metrics.OfOne, Waitable[T_co], Output, ForJob):
    """The handle of one job: `await job` (or `job.wait()`) gives its result, or raises its error.

    It survives the notebook: `attach(job.id)` makes another one. Pickled, it is its id.
    """

    __slots__ = (
        "__weakref__", "_accepted", "_draft", "_ended", "_ending", "_lives", "_name", "_portal", "_session", "_value",
        "id",
    )  # fmt: skip

    def __init__(
        self, job_id: str, *, name: str = "", of: Session | None = None, draft: Draft | None = None,
        accepted: Future[Any] | None = None,
    ) -> None:  # fmt: skip
        #: names it in the server
        self.id = job_id
        self._name = name
        self._session = of or session()
        self._draft = draft
        self._accepted = accepted
        self._lives: WeakSet[Live] | None = None
        self._portal: Place | None = None
        self._ending: Answer[Ended] | None = None
        #: its end, where somebody else waited for it
        self._ended: Ended | None = None
        self._value: Any = _NOT_LOADED

    @property
    def label(self) -> str:
        """Its label, or its function's name, as far as known without asking the server."""
        return self._name

    @property
    def output(self) -> T_co:
        """Stands for its result in the arguments of another job, and has its type; so does the handle itself."""
        return cast("T_co", ResultOf(self))

    @property
    def queue(self) -> str:
        """Its queue as far as known without asking the server; empty where it is not."""
        return "" if self._draft is None else self._draft.order.options.queue

    @property
    def session(self) -> Session:
        """The session it goes by: which server, which key."""
        return self._session

    @property
    def existed(self) -> bool:
        """Whether the server knew a job of this id when this handle submitted it."""
        sent = self._accepted
        if sent is None or not sent.done() or sent.cancelled() or sent.exception() is not None:
            return False
        return bool(sent.result() == "exists")

    def state(self) -> Pending[State]:
        """Where it stands now."""
        return self._begin(lambda link: link.state(self.id), f"asking the state of job {self.id}")

    def info(self) -> Pending[JobRecord]:
        """All that is known of it now."""
        return self._begin(lambda link: link.record(self.id), f"asking about job {self.id}")

    def attempts(self) -> Pending[list[AttemptRecord]]:
        """Its attempts that have ended, the first first, each with its error: as far back as the history goes."""
        return self._begin(lambda link: attempts(link, self.id), f"reading the attempts of job {self.id}")

    def logs(self) -> Pending[str]:
        """Its log as far as it is kept: about the last megabyte."""
        return self._begin(lambda link: link.log(self.id), f"reading the log of job {self.id}")

    def graph(self) -> Pending[Graph]:
        """The jobs around it: those whose results it takes, those that take its own, and so on."""
        return self._begin(lambda link: graph.read(link, (self.id,)), f"reading the graph of job {self.id}")

    def cancel(self) -> Pending[str]:
        """Stop it: "cancelled", "already finished", or after 5 s without a sign of its worker "requested"."""
        return self._begin(lambda link: cancelling.cancel(link, self.id), f"cancelling job {self.id}")

    def retry(self) -> Pending[Job[T_co]]:
        """A new job of the same function, arguments and options; its record says what it is a retry of."""

        async def retried(link: Link) -> Job[T_co]:
            return self.again(await retrying.retry(link, self.id, self._draft))

        return self._begin(retried, f"the retry of job {self.id}")

    def newest(self) -> Pending[Job[T_co]]:
        """The last of its retries, which may be the retry of a retry; itself where it was not retried."""

        async def asked(link: Link) -> Job[T_co]:
            found = (await retrying.newest_of(link, [self.id])).get(self.id) or await link.record(self.id)
            return self if found.id == self.id else self.newer(found.id)

        return self._begin(asked, f"looking for retries of job {self.id}")

    def deliveries(self) -> Pending[list[Delivery]]:
        """How it went to leave word of its end at the webhook of `on_done`; empty where there is none."""
        return self._begin(lambda link: word.deliveries(link, self.id), f"asking about the webhook of job {self.id}")

    def delete(self) -> Pending[str]:
        """Forget it: "deleted", or "running" where it goes on; of one that waits nothing runs any more."""

        async def asked(link: Link) -> str:
            answers = await removing.delete(link, [self.id])
            return next(iter(answers), "unknown")

        return self._begin(asked, f"deleting job {self.id}")

    def move(self, queue: str) -> Pending[None]:
        """Put it into another queue, while it waits; signed anew for that queue."""
        check_queue(queue)
        return self._begin(lambda link: moving.move(link, [self.id], queue), f"moving job {self.id}")

    def events(self) -> Stream[Event]:
        """What happens to it: first how it stands, then each change, progress and log line, until it has ended."""
        return follow_events(self.id, self._call)

    def live(self) -> Live:
        """Its record, progress and log, kept up to date in the background; close() it when it is shown no more."""
        queue = self.queue or "default"
        live = Live(JobRecord(id=self.id, state=State.QUEUED, queue=queue, function=self._name, label=self._name))
        if (ended := self._known_end()) is not None:
            live.know(ended)
        self._lives = self._lives or WeakSet()
        self._lives.add(live)
        # a Pending, so that a failure is reported; nobody waits for it
        self._begin(live.begin, f"following job {self.id}")
        return live

    @property
    def accepted(self) -> Future[Any]:
        """Done once the server has accepted it; a handle that was made from an id needs no acceptance."""
        if self._accepted is None:
            self._accepted = Future()
            self._accepted.set_result("exists")
        return self._accepted

    def run(self) -> Pending[T_co]:
        """Its result as a Pending, whose failure is reported where nobody takes it."""
        future = self._call(lambda link: link.ends.end_of(self.id))

        def read(ended: Ended) -> T_co:
            self.know(ended)
            return self._settled(ended)

        return Pending(future, read, what=self._what(), line=self._stopped_line(), fault=fault_of, for_jobs=True)

    def know(self, ended: Ended) -> None:
        """Take the end that somebody else waited for."""
        if self._ended is None and (self._ending is None or not self._ending.is_here):
            self._ended = ended

    def value(self, ended: Ended) -> T_co:
        """The value of its end, unpickled once, and not before it is asked for; raises its error."""
        if self._value is _NOT_LOADED:
            self._value = value_of(ended if ended.succeeded else replace(ended, label=self._name))
        found: T_co = self._value
        return found

    def _answer(self) -> Answer[Ended]:
        if self._ended is not None:
            return known(self._ended)
        asked = self._ending
        if asked is None or asked.is_cut_off or not (asked.is_here or self._session.is_here(self._portal)):
            self._portal = self._session.portal
            asked = self._ending = Answer(self._call(lambda link: link.ends.end_of(self.id)))
        return asked

    def _take(self, answer: Answer[Ended]) -> T_co:
        return self._settled(answer.get())

    def _settled(self, ended: Ended) -> T_co:
        """Its value, after whoever shows it was told of the end: the cell that waited goes on now."""
        for live in tuple(self._lives or ()):
            live.know(ended)
        hooks.settle(self)
        return self.value(ended)

    def _what(self) -> str:
        return f"job {self.id}"

    def _reason(self, patience_s: float) -> str:
        return reason(self._session, self.id, patience_s)

    def _stopped_line(self) -> str:
        return f"nbqueue: stopped waiting; job {self.id} goes on (job.cancel() stops it)"

    def _call(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put something under way that begins once the server has accepted the job."""
        return self._session.call(accepted_first(self._accepted, act))

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, T]], what: str) -> Pending[T]:
        return self._session.begin(accepted_first(self._accepted, act), what=what)

    @property
    def sent(self) -> Draft | None:
        """What this handle submitted, as far as it is kept."""
        return self._draft

    def again(self, draft: Draft) -> Job[T_co]:
        """The handle of a retry of this job that was accepted."""
        job: Job[T_co] = Job(draft.job_id, name=self._name, of=self._session, draft=draft)
        word.tell_when_ended(self._session, None, lambda: [job], draft.order.options.on_done)
        return job

    def newer(self, job_id: str) -> Job[T_co]:
        """The handle of a retry of this job that was found; its call is the same."""
        draft = replace(self._draft, job_id=job_id) if self._draft is not None else None
        return Job(job_id, name=self._name, of=self._session, draft=draft)

    def __nbqueue_output__(self) -> StandIn:
        return StandIn(job_ids=(self.id,), place=place(self._session.settings))

    def _ipython_display_(self) -> None:
        if not hooks.display(self):
            raise NotImplementedError  # IPython then shows the repr

    def __repr__(self) -> str:
        name = f" {plain(self._name)}" if self._name else ""
        return f"<Job {self.id}{name}, {self._seen()}>"

    def _seen(self) -> str:
        """What is known without asking."""
        if self._ended is not None or (self._ending is not None and self._ending.is_here):
            ended = self._known_end()
            return str(ended.state) if ended is not None and ended.state else "end unknown"
        if self._accepted is not None and not self._accepted.done():
            return "being submitted"
        return "await it for its result"

    def _known_end(self) -> Ended | None:
        """The end that was waited for, where that came to an end itself."""
        if self._ended is not None:
            return self._ended
        future = None if self._ending is None else self._ending.future
        if future is None or not future.done() or future.cancelled() or future.exception() is not None:
            return None
        return future.result()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.id, self._name)


def _rebuilt(job_id: str, name: str) -> Job[Any]:
    return Job(job_id, name=name)
