"""One attempt that runs in a child: what it needs, what it tells, how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from nbqueue.broker.inputs import Input
from nbqueue.children.frames import Header
from nbqueue.model.options import Isolation, RunIn
from nbqueue.model.outcome import Died, End, Returned, StopReason

_log = logging.getLogger("nbqueue.worker")
_NONE: Mapping[str, Input] = MappingProxyType({})


class Run(NamedTuple):
    """What one attempt needs to run in a child."""

    job_id: str
    #: number of this attempt, from 1
    attempt: int
    #: number of the claim it belongs to
    fence: int
    #: the function's label; with codec "json" the registered name to call
    function: str
    #: the call: pickled, or JSON {"args": [...], "kwargs": {...}}
    payload: bytes
    codec: str = "pickle"
    #: load a registered name and plain data only
    plain: bool = False
    #: call the function, which has a name, once for each item of a list
    is_batch: bool = False
    run_in: RunIn = "process"
    isolation: Isolation = "pool"
    #: resident bytes its process group may use
    memory_bytes: int | None = None
    #: seconds from the moment its code starts until the stop ladder begins
    timeout_s: float | None = None
    #: how long before the limit the code is asked to stop
    grace_s: float = 0.0
    #: seconds from the start of the ladder to SIGTERM, and to SIGKILL
    terminate_after_s: float = 1.0
    kill_after_s: float = 2.0
    cpus: int = 1
    #: from which size on pieces of calls that its code submits are sent apart; 0: none is
    blob_bytes: int = 0
    #: what family of process its code wants, as who submitted it said
    family: str = ""
    #: what an earlier attempt kept, encoded
    checkpoint: bytes | None = None
    #: the results of other jobs that the call takes, verified, by their ids
    inputs: Mapping[str, Input] = _NONE
    queue: str = ""
    label: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    #: where it was submitted from: its code runs there, if that is a folder here
    folder: str = ""
    #: tries that were charged before this attempt
    tries: int = 0
    #: the span that the attempt is, as `inside/tracing.py` writes it; empty: nobody traces
    trace: str = ""
    #: where an error's wait is for the code to say: the policy, and how many tries this attempt makes
    asking: dict[str, Any] | None = None


class RunEnd(NamedTuple):
    """The facts of how a run ended; what they mean is for the engine to say."""

    end: End
    #: why it was asked to stop, if it was before it ended
    stopped_by: StopReason | None = None
    #: whether its time limit passed before it ended
    over_limit: bool = False
    #: processor seconds of the run, where they can be told apart
    cpu_s: float | None = None
    #: peak resident bytes, where known
    peak_memory_bytes: int | None = None
    #: whether it ended so only for the child that it was given, which was killed for another reason or had loaded what
    #: its code cannot bear: run it again uncharged
    collateral: bool = False
    #: how many other runs died with it in one crash; then the guilty one is not known
    neighbours: int = 0
    #: what its code had ready, in case that it could hand back nothing itself
    partial: Returned | None = None


class Listener(Protocol):
    """Who is told what runs report, on the engine's loop."""

    def progress(self, job_id: str, wire: dict[str, Any]) -> None:
        """Take a job's merged progress, at most some ten times a second, the last one always."""

    def log(self, job_id: str, text: str) -> None:
        """Take a piece of a job's output."""

    def checkpoint(self, job_id: str, data: bytes) -> None:
        """Take what the next attempt may start from."""


class Finish(Protocol):
    """Records the end of a run that is known but for one thing."""

    def __call__(self, *, collateral: bool) -> None:
        """Whether it is to run again uncharged, see RunEnd."""


class Place(Protocol):
    """Where runs happen: in child processes, or in threads of this one."""

    def begin(self, run: Run) -> Running:
        """Start a run, or let it wait for a slot."""

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: others may have its slot meanwhile."""

    def back(self, running: Running) -> None:
        """It goes on."""


class Careful:
    """A listener whose errors are logged: what it does with a report must not change the fate of a run."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def progress(self, job_id: str, wire: dict[str, Any]) -> None:
        """Pass on progress."""
        self._tell(self._listener.progress, job_id, wire)

    def log(self, job_id: str, text: str) -> None:
        """Pass on output."""
        self._tell(self._listener.log, job_id, text)

    def checkpoint(self, job_id: str, data: bytes) -> None:
        """Pass on a checkpoint."""
        self._tell(self._listener.checkpoint, job_id, data)

    @staticmethod
    def _tell(tell: Callable[[str, Any], None], job_id: str, what: Any) -> None:
        try:
            tell(job_id, what)
        except Exception:  # noqa: BLE001 - the code of others; whatever it raises is logged
            _log.exception("A report of job %s could not be passed on.", job_id)


class Running:
    """A run under way: it can be stopped and waited for."""

    def __init__(self, run: Run, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.run = run
        #: what its frames are marked with
        self.number = number
        #: what family of child it gets: set by the children
        self.family = ""
        #: the process it runs in, once there is one
        self.pid: int | None = None
        #: done with the RunEnd
        self.ended: asyncio.Future[RunEnd] = loop.create_future()
        #: whether its code has started
        self.started = False
        #: whether its child has begun to import and rebuild what it needs, where the child tells so
        self.loading = False
        #: whether it was given to a second child because the first died before its code started
        self.placed_again = False
        #: why it was asked to stop
        self.stopped_by: StopReason | None = None
        self.over_limit = False
        #: what its code has ready to be handed back
        self.partial: Returned | None = None
        #: the peak that was measured while it ran
        self.peak_memory_bytes: int | None = None
        #: set by the children: what stopping it does
        self.on_stop: Callable[[Running, StopReason], None] | None = None
        #: set by who began it: takes what its code asks for; raises where that is nothing that may be asked
        self.on_ask: Callable[[Header, bytes], None] | None = None
        #: set by the children while it is in one: sends an answer; waits until what was sent is written
        self.answer: Callable[[Header, bytes], None] = _to_nobody
        self.written: Callable[[], Awaitable[None]] = _at_once
        #: called once with the run when it has ended: for the children, and then for who began it
        self.on_end: Callable[[Running], None] | None = None
        self.then: Callable[[Running], None] | None = None

    def start(self) -> None:
        """Its code has started, and the results that it took are in its process: they need not be held here."""
        self.started = True
        if self.run.inputs:
            self.run = self.run._replace(inputs=_NONE)

    def stop(self, reason: StopReason) -> None:
        """Stop it: ask at once, SIGTERM and SIGKILL later. Asking again changes nothing."""
        if self.on_stop is not None and not self.ended.done():
            self.on_stop(self, reason)

    async def wait(self) -> RunEnd:
        """How it ended. Giving up the wait leaves the run alone."""
        return await asyncio.shield(self.ended)

    def finish(
        self,
        end: End,
        *,
        cpu_s: float | None = None,
        peak: int | None = None,
        collateral: bool = False,
        neighbours: int = 0,
    ) -> None:
        """Record how it ended; only the first end counts."""
        if self.ended.done():
            return
        if isinstance(end, Died) and peak is None:
            peak = end.peak_memory_bytes
        measured = self.peak_memory_bytes
        self.ended.set_result(
            RunEnd(
                end=end,
                stopped_by=self.stopped_by,
                over_limit=self.over_limit,
                cpu_s=cpu_s,
                peak_memory_bytes=max(peak or 0, measured) if measured else peak or None,
                collateral=collateral,
                neighbours=neighbours,
                partial=self.partial,
            )
        )
        if self.on_end is not None:
            self.on_end(self)
        if self.then is not None:
            self.then(self)


def _to_nobody(_: Header, __: bytes) -> None:
    """It is in no child."""


async def _at_once() -> None:
    """Nothing is to be written."""
