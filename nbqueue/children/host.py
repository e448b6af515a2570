"""A child process as the engine sees it: the runs in it, what they send, how it is ended and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from nbqueue.children import child_frames, exporting, lineage
from nbqueue.children.death import Death, Killing
from nbqueue.children.frames import Frame, Header, head
from nbqueue.children.ladder import Ladder, Step
from nbqueue.children.memory import MemoryWatch
from nbqueue.children.output import Output
from nbqueue.children.running import Finish, Listener, Running
from nbqueue.children.wire import Wire
from nbqueue.model.outcome import StopReason

#: room for what surrounds a result
_SLACK_BYTES = 2**16
#: seconds an orderly leave may take
_LEAVE_S = 2.0
#: a child whose socket is closed is about to be gone; one that is still there after so many seconds closed it itself
_HUNG_UP_S = 0.5
#: what is said of a child that is killed for what it did on its line to us
_BREACH = "it did not keep to what it may say to its worker"
_ADVICE = "Code in a job must leave alone the file descriptors that it did not open"
#: characters that are said of what it sent
_SAID_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told of a child."""

    #: of a run that has ended, with the frame that says how, and what makes the end known
    ended: Callable[[Host, Running, Header, Finish], None]
    #: of its death, with the runs in it that had not begun
    died: Callable[[Host, list[Running]], None]
    #: that it is wanted sooner
    hasten: Callable[[Host], None]


class Host:
    """One child. Frames come in by its wire, output by its pipe, its birth and death from the nursery."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: Listener,
        told: Told,
        *,
        kind: str,
        number: int,
        family: str,
        limit_bytes: int,
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._told = told
        self._limit_bytes = limit_bytes
        #: solo or loop, see child.py
        self.kind = kind
        #: what the zygote knows it by until it has a process id
        self.number = number
        self.pid: int | None = None
        #: whose zygote it was asked of; and the families that it has loaded, where a plain child has not
        self.family = family
        self.loaded = frozenset({family} if family else ())
        #: what runs in it, by the runs' numbers
        self.runs: dict[int, Running] = {}
        #: how many runs it was given
        self.served = 0
        #: resident bytes after its first run
        self.first_resident_bytes = 0
        #: set when it takes no more runs
        self.leaving = False
        #: set when its process is gone
        self.gone = False
        #: when it was given a run that it has not noticed yet; None: it has noticed all
        self.unseen_since: float | None = None
        self.output, self.wire = self._opened()
        self._ladders: dict[int, Ladder] = {}
        self._watch: MemoryWatch | None = None
        self._last_number = 0
        self._seen_number = 0
        #: whose the output is
        self._speaker: Running | None = None
        self._killing = Killing()

    def take(self, running: Running) -> None:
        """Give it a run."""
        run = running.run
        frame = child_frames.run(running, self._limit_bytes)
        self.served += 1
        self.runs[running.number] = running
        self._last_number = running.number
        running.pid = self.pid
        running.on_stop = self._stop
        running.answer = partial(self._answer, running)
        running.written = self.wire.written
        self._ladders[running.number] = ladder = Ladder(running, self._loop, self._step, self.kill, self._waits)
        if self.pid is not None:
            ladder.load()
        if self.unseen_since is None:
            self.unseen_since = self._loop.time()
        self.wire.send_parts(*frame)
        self._route_output()
        if run.memory_bytes is not None:
            self._watch_memory()

    def born(self, pid: int) -> None:
        """Its process exists and has its ends of wire and output."""
        self.pid = pid
        self.wire.let_go()
        self.output.let_go()
        for running in self.runs.values():
            running.pid = pid
            self._ladders[running.number].load()
        if self._killing.at_birth:
            lineage.kill_group(pid)
        self._watch_memory()

    def kill(self, culprit: Running | None = None) -> None:
        """SIGKILL its process group, for the sake of one run or of none."""
        self.leaving = True
        if culprit is not None and culprit not in self._killing.culprits:
            self._killing.culprits.append(culprit)
        if self.pid is None:
            self._killing.at_birth = True
            self._told.hasten(self)
        elif not self.gone:
            lineage.kill_group(self.pid)

    def leave(self) -> None:
        """Let it go in an orderly way, but not take long over it."""
        if not self.leaving:
            self.leaving = True
            self.wire.end_of_runs()
            self._loop.call_later(_LEAVE_S, self.kill)

    def bury(self, death: Death) -> None:
        """Its process is gone: take what it had said, and end what ran in it."""
        if self.gone:
            return
        breach = self._killing.breach  # what it sends after its end did not lead to it
        self.gone = self.leaving = True  # from here on its process id may be another's
        self.wire.drain()
        stack = self.output.stack()
        self.output.close()
        self.wire.close()
        left = list(self.runs.values())
        for running in left:
            self._forget(running)
        if breach and death.signal == signal.SIGKILL:
            death = replace(death, reason=breach)
        self._told.died(self, [running for running in left if not self._end_by_death(running, death, stack, len(left))])

    def _opened(self) -> tuple[Output, Wire]:
        """Both channels, or neither."""
        output = Output(self._loop)
        try:
            return output, Wire(self._loop, self._limit_bytes + _SLACK_BYTES, self._take, self._hear_no_more)
        except OSError:
            output.close()
            raise

    def _end_by_death(self, running: Running, death: Death, stack: str, together: int) -> bool:
        """End a run whose process died; False where it had not begun and nobody meant it."""
        meant = bool(self._killing.culprits)
        guilty = running in self._killing.culprits
        begun = running.started or running.number <= self._seen_number
        if not begun and not guilty and running.stopped_by is None and (meant or not running.placed_again):
            running.placed_again = running.placed_again or not meant
            return False
        running.finish(
            death.of(running, stack, self._killing),
            cpu_s=death.cpu_s if together == 1 else None,
            collateral=meant and not guilty,
            neighbours=0 if meant else together - 1,
        )
        return True

    def _take(self, frames: list[Frame]) -> None:
        """What it sent. It runs code of others: whatever is not as agreed ends it."""
        try:
            for header, payload in child_frames.merged(frames):
                self._take_one(header, payload)
        except (KeyError, TypeError, ValueError) as error:
            self._break_with(f"{type(error).__name__}: {error}"[:_SAID_CHARS])

    def _hear_no_more(self, why: str) -> None:
        """Its socket is closed: by its end, by user code that closed it, or by us for what came over it."""
        self.leaving = True
        if why:
            self._break_with(why)
        else:
            self._loop.call_later(_HUNG_UP_S, self._break_with, "it closed its connection to the worker")

    def _break_with(self, why: str) -> None:
        """It is not to be trusted any further."""
        self._killing.breach = self._killing.breach or f"{_BREACH} ({why}). {_ADVICE}"
        self.kill()

    def _take_one(self, header: Header, payload: bytes) -> None:
        kind = header["t"]
        if kind == "seen":
            self._seen_number = header["n"]
            self.unseen_since = None if self._seen_number == self._last_number else self._loop.time()
            return
        if kind == "spans":
            exporting.take(payload)
            return
        running = self.runs.get(header["n"])
        if running is None:
            return
        if kind == "load":
            if not running.loading and not running.started:
                running.loading = True
                self._ladders[running.number].load()
        elif kind == "start":
            running.start()
            self._ladders[running.number].begin()
        elif kind == "end":
            self._end(running, header, payload)
        elif kind == "partial":
            running.partial = child_frames.partial(header, payload)
        elif kind == "ask" and running.on_ask is not None:
            running.on_ask(header, payload)
        else:
            child_frames.deliver(self._listener, running.run.job_id, header, payload)

    def _end(self, running: Running, header: Header, payload: bytes) -> None:
        end = child_frames.end(header, payload)
        ladder = self._ladders[running.number]
        if running.stopped_by and not ladder.climbing and not header.get("noticed"):
            running.stopped_by = None  # it was asked before its limit, never looked, and came to its own end
        self._forget(running)
        self._route_output()
        cpu_s, peak = child_frames.number(header.get("cpu")), child_frames.whole(header.get("peak"))
        self._told.ended(self, running, header, partial(running.finish, end, cpu_s=cpu_s, peak=peak))

    def _answer(self, running: Running, header: Header, payload: bytes) -> None:
        """Answer what its code asked for, while it runs."""
        if running.number in self.runs:
            self.wire.send_parts(head({**header, "n": running.number}, len(payload)), payload)

    def _waits(self, running: Running) -> bool:
        """Whether others that came to this child before it may keep it from being loaded."""
        if running.loading:
            return False
        ahead = itertools.takewhile(lambda other: other is not running, self.runs.values())
        return any(other.started or other.number <= self._seen_number for other in ahead)

    def _forget(self, running: Running) -> None:
        del self.runs[running.number]
        self._ladders.pop(running.number).close()
        if self._watch is not None:
            running.peak_memory_bytes = self._watch.peak_bytes
            self._watch.close()
            self._watch = None

    def _stop(self, running: Running, reason: StopReason) -> None:
        self._ladders[running.number].stop(reason)
        if self.pid is None:
            self._told.hasten(self)

    def _step(self, running: Running, step: Step) -> None:
        self.wire.send({"t": "stop", "n": running.number, "why": running.stopped_by, "how": step})
        if step == "terminate" and running.run.run_in == "process" and self.pid is not None:
            # a child held by code that never lets its other thread run cannot read the frame; some such code heeds
            # a signal, and outside of user code the child does not
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _route_output(self) -> None:
        """Native output belongs to the run that is alone in the process; else to nobody."""
        speaker = next(iter(self.runs.values())) if len(self.runs) == 1 else None
        if speaker is self._speaker:
            return
        self._speaker = speaker
        self.output.end()
        if speaker is not None:
            self.output.begin(partial(self._listener.log, speaker.run.job_id))

    def _watch_memory(self) -> None:
        limits = [(running, running.run.memory_bytes) for running in self.runs.values() if running.run.memory_bytes]
        if limits and self.pid is not None and self._watch is None:
            running, limit_bytes = limits[0]
            self._watch = MemoryWatch(self._loop, self.pid, limit_bytes or 0, partial(self._out_of_memory, running))

    def _out_of_memory(self, running: Running) -> None:
        self._killing.over_memory = True
        self.kill(running)
