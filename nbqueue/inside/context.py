"""The job that the running code belongs to: one context variable and what hangs on it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from nbqueue.errors import NotInJob
from nbqueue.inside.keeping import Keeping
from nbqueue.inside.reports import Reports, Sink, Ticker
from nbqueue.inside.stopping import StopState
from nbqueue.model.errands import Line

#: held while a line is made: two threads of a job must not get one each
_OPENING = threading.Lock()


class JobInfo(NamedTuple):
    """What a job may know of itself."""

    #: the job's id
    id: str
    #: number of this attempt, from 1
    attempt: int = 1
    #: the function's qualified name
    function: str = ""
    queue: str = ""
    label: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    #: how many processors the job may use
    cpus: int = 1
    #: seconds of running time it has; None: no limit
    timeout_s: float | None = None


class JobContext:
    """One running attempt as its own code sees it. Knows a sink and a ticker, no frames and no server."""

    __slots__ = (
        "__weakref__", "_answered", "_closed", "_describe", "_info", "_keeping", "_line", "_make_keeping", "_open_line",
        "_reports", "_ticker", "_write", "bar", "deadline", "sink", "stop", "tracked",
    )  # fmt: skip

    def __init__(
        self,
        describe: Callable[[], JobInfo],
        sink: Sink,
        ticker: Ticker,
        *,
        checkpoint: bytes | None = None,
        write: Callable[[str], object] | None = None,
        dump: Callable[[Any], bytes] = pickle.dumps,
        load: Callable[[bytes], Any] = pickle.loads,
        open_line: Callable[[JobContext], Line] | None = None,
    ) -> None:
        self._describe = describe
        self._info: JobInfo | None = None
        self.sink = sink
        self.stop = StopState()
        self._ticker = ticker
        self._reports: Reports | None = None
        self._closed = False
        self._answered = False
        self._write = write
        #: when the time limit passes, on the monotonic clock; None: no limit, or not yet started
        self.deadline: float | None = None
        #: the progress bar that drives the job's own (a weak reference), see bars.py
        self.bar: Callable[[], object] | None = None
        #: the loops under way that `track` reports, by the names of their bars; the first one's is the job's own
        self.tracked: list[str] = []
        self._keeping: Keeping | None = None
        self._make_keeping: Callable[[], Keeping] = partial(Keeping, checkpoint, sink.checkpoint, dump, load)
        self._open_line = open_line
        self._line: Line | None = None

    @property
    def info(self) -> JobInfo:
        """What the job may know of itself; put together when first asked for: most jobs do not ask."""
        if self._info is None:
            self._info = self._describe()
        return self._info

    @property
    def reports(self) -> Reports:
        """What the job tells of itself; made when first needed: most jobs tell nothing."""
        if self._reports is None:
            self._reports = Reports(self.sink, self._ticker)
            if self._closed:
                self._reports.silence()
        return self._reports

    @property
    def line(self) -> Line | None:
        """The line to the worker, for errands; made when first needed: most jobs have none."""
        with _OPENING:
            if self._line is None and self._open_line is not None:
                self._line = self._open_line(self)
            return self._line

    @property
    def session(self) -> Any:
        """What the client keeps for this job, if it was ever asked for anything."""
        return self._line.session if self._line is not None else None

    @property
    def rests(self) -> bool:
        """Whether it waits for jobs, so that it cannot look whether it is to stop."""
        return self.session is not None and self.session.rests

    @property
    def write(self) -> Callable[[str], object]:
        """Takes lines for the job's log."""
        return self._write or self.reports.write

    def close(self) -> None:
        """Send the last word, where there was any; what comes later is nobody's."""
        self._closed = True
        if self._reports is not None:
            self._reports.close()
        if self.session is not None:
            self.session.close()

    def begin(self, timeout_s: float | None) -> None:
        """Start the clock of the time limit, where there is one."""
        if timeout_s is not None:
            self.deadline = monotonic() + timeout_s

    @property
    def keeping(self) -> Keeping:
        """What the job keeps for its next attempt; made when first needed: most jobs keep nothing."""
        with _OPENING:
            if self._keeping is None:
                self._keeping = self._make_keeping()
            return self._keeping

    def keep(self, value: Any) -> None:
        """Hand a checkpoint over; what cannot be encoded raises here."""
        self.keeping.keep(value)

    def hand_back(self, value: Any, *, beside: bool = False) -> None:
        """Have a value ready that is handed back should the code be stopped, or killed, and hand back nothing itself.

        `beside`: it is a library's, and counts where the user's own code gave none.
        """
        if not (beside and self._answered):
            self.sink.partial(value)
            self._answered = not beside

    def kept(self, default: Any) -> Any:
        """The last checkpoint of this attempt or of one before, else the default."""
        return self.keeping.kept(default)


CURRENT: ContextVar[JobContext | None] = ContextVar("nbqueue_job", default=None)
_ALONE: list[JobContext] = []


def current() -> JobContext | None:
    """The context of the job that the calling code belongs to, or None outside of jobs."""
    found = CURRENT.get()
    if found is None and _ALONE:
        return _ALONE[0]
    return found


#: whether this process runs nothing but jobs, so that what belongs to none has nobody to speak for it
_ONLY_JOBS: list[bool] = []


def only_jobs() -> None:
    """Say that this process holds no key and no connection."""
    _ONLY_JOBS.append(True)


def current_line() -> Line | None:
    """The line of the job that the calling code belongs to, or None outside of jobs."""
    job = current()
    if job is not None:
        return job.line
    if _ONLY_JOBS:
        raise NotInJob(
            "This thread belongs to none of the jobs in this process: start it with asyncio.to_thread, or run its "
            "function by contextvars.copy_context().run, so that it is known whose it is."
        )
    return None


def alone(context: JobContext | None) -> None:
    """Say that one job has this process to itself, so that threads it starts belong to it; None: no more."""
    _ALONE[:] = [] if context is None else [context]
