"""A child that runs many jobs at once: coroutines in its event loop, other functions in threads of their own."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbqueue.children import calls, guard, lineage, telemetry
from nbqueue.children.courier import DEAF
from nbqueue.children.frames import Decoder, Frame, Header, head
from nbqueue.children.left_tasks import LeftTasks
from nbqueue.children.performance import perform, sing
from nbqueue.children.router import Router
from nbqueue.children.upkeep import enter
from nbqueue.children.visit import Visit
from nbqueue.inside import bars
from nbqueue.inside.context import CURRENT, alone, only_jobs
from nbqueue.inside.pace import LoopTicker

_READ_BYTES = 2**18
_ANY_SIZE = 2**32
_JOIN_BELOW = 2**16


def serve(sock: socket.socket) -> None:
    """Run what the engine sends until it closes the socket."""
    sys.stdout, sys.stderr = Router(sys.stdout), Router(sys.stderr)
    bars.hook()
    only_jobs()
    with asyncio.Runner() as runner:
        runner.run(_serve(sock))


async def _serve(sock: socket.socket) -> None:
    choir = Choir(sock, asyncio.get_running_loop())
    os.register_at_fork(after_in_child=choir.mute)
    await choir.left.wait()


class Choir:
    """The runs of this child, by number, and the socket they share."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = loop
        self._thread = threading.get_ident()
        self._folder = str(Path.cwd())
        self._ticker = LoopTicker(loop)
        self._decoder = Decoder(_ANY_SIZE)
        self._out: list[bytes] = []
        self._sending = threading.Lock()
        self._visits: dict[int, Visit] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._threads: dict[int, int] = {}
        self._left_tasks = LeftTasks()
        #: set when the engine is gone
        self.left = asyncio.Event()
        loop.set_task_factory(self._left_tasks.make)
        loop.add_reader(sock, self._read)

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Send a frame with the others of this round of the loop; from any thread."""
        parts = [head(header, len(payload)), payload] if payload else [head(header, 0)]
        with self._sending:
            first = not self._out
            self._out += parts
        if not first:
            return
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._flush)
        else:
            self._loop.call_soon_threadsafe(self._flush)

    def hand_over(self, header: Header, payload: bytes) -> None:
        """Send a frame at once."""
        self.send(header, payload)
        self._flush()

    def mute(self) -> None:
        """In a forked copy: speak to nobody, and be stopped like any process."""
        self._sock.close()
        for visit in self._visits.values():
            visit.context.reports.silence()
        self._out.clear()
        guard.release()

    def _flush(self) -> None:
        with self._sending:
            out, self._out = self._out, []
            if not out:
                return
            try:
                if sum(map(len, out)) < _JOIN_BELOW:
                    self._sock.sendall(b"".join(out))
                else:
                    for part in out:
                        self._sock.sendall(part)
            except OSError:
                self.left.set()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave()
            return
        try:
            self._hear(self._decoder.feed(data))
        except Exception:  # noqa: BLE001 - a child that does not understand its engine is of no use
            traceback.print_exc()
            os._exit(DEAF)

    def _hear(self, frames: list[Frame]) -> None:
        last = max((header["n"] for header, _ in frames if header["t"] == "run"), default=0)
        if last:  # said before any of them takes its first step, which may be its last
            self.send({"t": "seen", "n": last})
        for header, payload in frames:
            if header["t"] == "run":
                self._begin(Visit(header, payload, self, self._ticker, may_block=self._may_block))
            elif (visit := self._visits.get(header["n"])) is not None:
                if header["t"] == "stop":
                    self._stop(visit, header)
                else:
                    visit.hear(header, payload)

    def _may_block(self) -> bool:
        return threading.get_ident() != self._thread

    def _leave(self) -> None:
        """The engine has closed the socket: in the middle of runs nobody waits for their ends any more."""
        self._loop.remove_reader(self._sock)
        if self._visits:
            lineage.kill_group(os.getpid())
        self.left.set()

    def _begin(self, visit: Visit) -> None:
        if not self._visits:
            # a process has one folder: what comes later runs in that of the run it found here
            enter(self._folder)
            enter(visit.folder)
        self._visits[visit.number] = visit
        self._tell_alone()
        context = contextvars.copy_context()
        context.run(CURRENT.set, visit.context)
        if visit.header["in"] == "thread":
            name = f"job-{visit.number}"
            threading.Thread(target=context.run, args=(self._perform, visit), name=name, daemon=True).start()
            return
        task = asyncio.Task(self._sing(visit), loop=self._loop, context=context)
        self._tasks[visit.number] = task
        task.add_done_callback(lambda _: self._cut_short(visit))

    async def _sing(self, visit: Visit) -> None:
        """Run one coroutine function to its end."""
        await sing(visit, self._start, self._left_tasks, self._end, self._load)

    def _load(self, visit: Visit) -> Callable[[], Any]:
        """Until now it may have waited for others here, and that does not count; what it imports may block the loop."""
        if visit.timeout_s is not None:
            self.hand_over({"t": "load", "n": visit.number}, b"")
        return visit.load()

    def _start(self, visit: Visit) -> None:
        """Its code starts now. Who counts its time must know before it blocks the loop."""
        limited = visit.timeout_s is not None
        visit.begin(tell=limited)
        if limited:
            self._flush()

    def _perform(self, visit: Visit) -> None:
        """Run one function to its end, in its own thread."""
        ended = perform(visit, self._start, self._load, self._stoppable(visit))
        self._loop.call_soon_threadsafe(self._end, visit, ended)

    @contextmanager
    def _stoppable(self, visit: Visit) -> Iterator[None]:
        """Within the block, a stop can raise in this thread."""
        self._threads[visit.number] = threading.get_ident()
        try:
            yield
        finally:
            del self._threads[visit.number]

    def _cut_short(self, visit: Visit) -> None:
        """Its task is done; where it was cancelled before its first step, this is its end."""
        self._tasks.pop(visit.number, None)
        if visit.number in self._visits:
            self._end(visit, visit.failed(asyncio.CancelledError()))

    def _end(self, visit: Visit, ended: calls.Ended) -> None:
        del self._visits[visit.number]
        visit.context.close()
        if "trace" in visit.header:
            telemetry.hand_over()
        self._tell_alone()
        if not self._visits:
            lineage.flush_native()
        fields, payload = ended
        noticed = visit.context.stop.noticed
        self.send({**fields, "t": "end", "n": visit.number, "noticed": noticed, **calls.loaded_here()}, payload)
        if not self._visits:
            lineage.kill_descendants()

    def _tell_alone(self) -> None:
        """Threads that carry no context belong to the job that runs alone, where there is one."""
        alone(next(iter(self._visits.values())).context if len(self._visits) == 1 else None)

    def _stop(self, visit: Visit, header: Header) -> None:
        visit.context.stop.ask(header["why"])()
        how = header["how"]
        cooperative = visit.context.stop.cooperative and not visit.context.rests
        if how == "ask" or (how == "interrupt" and cooperative):
            return
        task = self._tasks.get(visit.number)
        if task is not None:
            task.cancel()
        elif (thread := self._threads.get(visit.number)) is not None:
            _raise_in(thread, KeyboardInterrupt if how == "interrupt" else SystemExit)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise in another thread, as soon as it runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
