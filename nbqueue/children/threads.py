"""The place of child processes where there are none: functions run in threads of this process, coroutines in one loop.

What runs here can be asked to stop and not made to. A cancel asks, and goes on asking nobody else; a run that does not
heed its time limit is let go: its job ends, its code goes on.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from nbqueue.broker.code_lines import in_cells
from nbqueue.children import calls, child_frames, shared_output
from nbqueue.children.awake import AwakeTimer
from nbqueue.children.frames import Header
from nbqueue.children.handed import packed
from nbqueue.children.ladder import Ladder, Step
from nbqueue.children.loop_thread import LoopThread
from nbqueue.children.performance import perform, sing
from nbqueue.children.running import Careful, Listener, Run, Running
from nbqueue.children.visit import Visit
from nbqueue.inside import bars
from nbqueue.inside.context import CURRENT
from nbqueue.inside.pace import LoopTicker
from nbqueue.model.outcome import Died, StopReason

_log = logging.getLogger("nbqueue.worker")


class _Guest:
    """A run under way in this process."""

    def __init__(self, running: Running, visit: Visit, ladder: Ladder) -> None:
        self.running, self.visit, self.ladder = running, visit, ladder
        #: the thread that its code runs in
        self.thread: threading.Thread | None = None
        #: the loop of that thread, of a coroutine
        self.loop_thread: LoopThread | None = None
        #: cancels the task of a coroutine
        self.cancel: Callable[[], None] | None = None
        #: lets it go some time after its limit
        self.limit: AwakeTimer | None = None


class Threads:
    """All runs of one engine, in this process. Has what the engine wants of `Children`."""

    def __init__(self, listener: Listener, *, result_limit_bytes: int = 100_000_000) -> None:
        self._listener = Careful(listener)
        self._limit_bytes = result_limit_bytes
        self._numbers = 0
        self._guests: dict[int, _Guest] = {}
        self._coroutines: LoopThread | None = None

    async def start(self) -> None:
        """Get ready; everything but the code of jobs happens on the loop that this was called on."""
        self._loop = asyncio.get_running_loop()
        self._ticker = LoopTicker(self._loop)
        bars.hook(notebook=False)

    async def close(self) -> None:
        """Let go of what still runs; whoever gave it gives it to others."""
        for guest in list(self._guests.values()):
            self._forget(guest)
            guest.running.finish(Died(goes_on=True), collateral=True)
        if self._coroutines is not None:
            self._coroutines.close()

    def begin(self, run: Run) -> Running:
        """Start a run."""
        self._numbers += 1
        running = Running(run, self._numbers, self._loop)
        running.on_stop, running.pid = self._stop, os.getpid()
        visit = Visit(*_told(running, self._limit_bytes), self, self._ticker, may_block=self._may_block)
        running.answer = lambda header, payload: visit.hear({**header, "n": running.number}, payload)
        _silent_in_copies.add(visit.context)
        ladder = Ladder(running, self._loop, self._step, self._kill, lambda _: False)
        guest = self._guests[running.number] = _Guest(running, visit, ladder)
        ladder.load()
        shared_output.begin()
        context = contextvars.copy_context()
        context.run(CURRENT.set, visit.context)
        (self._begin_coroutine if run.run_in == "async" else self._begin_thread)(guest, context)
        return running

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: threads take no slots here."""

    def back(self, running: Running) -> None:
        """It goes on."""

    # called by runs, from their threads

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Take what a run reports, in the order it came."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, header, payload)

    def hand_over(self, header: Header, payload: bytes) -> None:
        """The same: nothing is lost here that this process does not take with it."""
        self.send(header, payload)

    def _perform(self, visit: Visit) -> None:
        """Run one function to its end, in its own thread."""
        used = time.thread_time()
        ended = perform(visit, Visit.begin)
        self._say_end(visit, ended, time.thread_time() - used)

    def _cut_short(self, visit: Visit) -> None:
        """It was cancelled; where that was before its first step, this is its end, else nobody hears it."""
        self._say_end(visit, calls.failed(visit.header, asyncio.CancelledError()))

    def _may_block(self) -> bool:
        """Whether the calling thread is not that of all coroutines."""
        return self._coroutines is None or threading.current_thread() is not self._coroutines.thread

    def _say_end(self, visit: Visit, ended: calls.Ended, cpu_s: float | None = None) -> None:
        visit.context.close()
        fields, payload = ended
        noticed = visit.context.stop.noticed
        self.send({**fields, "t": "end", "n": visit.number, "cpu": cpu_s, "noticed": noticed}, payload)

    # on the engine's loop

    def _begin_thread(self, guest: _Guest, context: contextvars.Context) -> None:
        name = f"job-{guest.running.run.job_id}"
        guest.thread = threading.Thread(
            target=context.run, args=(self._perform, guest.visit), name=name, daemon=True
        )  # fmt: skip
        guest.thread.start()

    def _begin_coroutine(self, guest: _Guest, context: contextvars.Context) -> None:
        if self._coroutines is None:
            self._coroutines = LoopThread()
        guest.loop_thread, guest.thread = self._coroutines, self._coroutines.thread
        sung = sing(guest.visit, Visit.begin, self._coroutines.left_tasks, self._say_end)
        guest.cancel = self._coroutines.begin(sung, context, partial(self._cut_short, guest.visit))

    def _hear(self, header: Header, payload: bytes) -> None:
        guest = self._guests.get(header["n"])
        if guest is None:
            return  # it was let go
        if header["t"] == "ask" and guest.running.on_ask is not None:
            guest.running.on_ask(header, payload)
        elif header["t"] == "start":
            self._started(guest)
        elif header["t"] == "end":
            self._end(guest, header, payload)
        elif header["t"] == "partial":
            guest.running.partial = child_frames.partial(header, payload)
        else:
            child_frames.deliver(self._listener, guest.running.run.job_id, header, payload)

    def _started(self, guest: _Guest) -> None:
        run = guest.running.run
        guest.running.started = True
        guest.ladder.begin()
        if run.timeout_s is not None:
            after_s = run.timeout_s + run.kill_after_s
            guest.limit = AwakeTimer(self._loop, after_s, partial(self._let_go, guest))

    def _end(self, guest: _Guest, header: Header, payload: bytes) -> None:
        running = guest.running
        if running.stopped_by and not guest.ladder.climbing and not header["noticed"]:
            running.stopped_by = None  # it was asked before its limit, never looked, and came to its own end
        self._forget(guest)
        running.finish(child_frames.end(header, payload), cpu_s=header["cpu"])

    def _forget(self, guest: _Guest) -> None:
        del self._guests[guest.running.number]
        guest.ladder.close()
        if guest.limit is not None:
            guest.limit.cancel()
        shared_output.end()

    def _stop(self, running: Running, reason: StopReason) -> None:
        guest = self._guests.get(running.number)
        if guest is not None:
            guest.ladder.stop(reason)

    def _step(self, running: Running, step: Step) -> None:
        """Ask the code to stop; where it is a coroutine that does not look, cancel it."""
        guest = self._guests[running.number]
        stop = guest.visit.context.stop
        tell = stop.ask(running.stopped_by or "shutdown")
        if guest.loop_thread is not None:
            guest.loop_thread.soon(tell)
        else:
            threading.Thread(target=tell, name="nbqueue-stop", daemon=True).start()
        if guest.cancel is not None and (step == "terminate" or (step == "interrupt" and not stop.cooperative)):
            guest.cancel()

    def _kill(self, running: Running) -> None:
        """Nothing here can be killed; what is over its limit is let go."""
        if running.over_limit and running.number in self._guests:
            self._let_go(self._guests[running.number])

    def _let_go(self, guest: _Guest) -> None:
        running = guest.running
        _log.warning("Job %s does not stop when asked to; its code goes on in this process.", ascii(running.run.job_id))
        running.over_limit = True
        stack = _stack(guest.thread)
        guest.visit.context.reports.silence()
        self._forget(guest)
        if guest.loop_thread is self._coroutines and self._coroutines is not None:
            # it may hold the loop: the next ones get another
            self._coroutines.close()
            self._coroutines = None
        running.finish(Died(goes_on=True, stack=stack))


def _told(running: Running, limit_bytes: int) -> tuple[Header, bytes]:
    """What a child would be told of a run: the header of the frame, and its payload."""
    run = running.run
    names = ("attempt", "function", "cpus", "queue", "label", "group", "tags")
    header: Header = {
        "t": "run", "n": running.number, "job": {"id": run.job_id, **{name: getattr(run, name) for name in names}},
        "codec": run.codec, "in": run.run_in, "timeout": run.timeout_s, "limit": limit_bytes, "plain": run.plain,
        "batch": run.is_batch,
    }  # fmt: skip
    parts: list[bytes | memoryview] = [run.payload]
    if run.asking:
        header["retry"] = run.asking
    if run.inputs:
        index_bytes, handed = packed(run.inputs)
        header["inputs"] = [index_bytes, sum(map(len, handed))]
        parts += handed
    if run.checkpoint is not None:
        header["kept"] = len(run.checkpoint)
        parts.append(run.checkpoint)
    return header, parts[0] if len(parts) == 1 else b"".join(parts)  # type: ignore[return-value]


def _stack(thread: threading.Thread | None) -> str:
    """Where a thread is now."""
    frame = sys._current_frames().get(thread.ident or 0) if thread is not None else None  # noqa: SLF001 - documented
    return in_cells("".join(traceback.format_stack(frame))) if frame is not None else ""


#: contexts of runs, which forked copies of this process must not speak for
_silent_in_copies: weakref.WeakSet[Any] = weakref.WeakSet()


def _silence() -> None:
    for context in list(_silent_in_copies):
        context.reports.silence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_silence)
