"""A child that runs one job at a time, in its main thread."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import resource
import socket
import sys
import threading
from collections.abc import Awaitable
from queue import SimpleQueue
from typing import Any

from nbqueue.children import calls, guard, lineage, telemetry
from nbqueue.children.courier import THREADS, Courier
from nbqueue.children.frames import Header
from nbqueue.children.guard import Guard
from nbqueue.children.line import settle
from nbqueue.children.upkeep import Upkeep, enter, give_threads
from nbqueue.children.visit import Visit
from nbqueue.inside import bars
from nbqueue.inside.context import CURRENT, alone, only_jobs


def serve(sock: socket.socket) -> None:
    """Run what the engine sends until it closes the socket."""
    Solo(sock).serve()


class Solo:
    """Takes runs from the courier's thread and performs them in the main thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._guard = Guard()
        self._guard.install()
        self._inbox: SimpleQueue[Visit | None] = SimpleQueue()
        self._visit: Visit | None = None
        self._courier = Courier(sock, self._take, self._left)
        self._upkeep = Upkeep(self._guard)
        bars.hook()
        only_jobs()
        os.register_at_fork(after_in_child=self._mute)

    def serve(self) -> None:
        """Perform runs until the engine is gone."""
        self._courier.begin()
        while (visit := self._inbox.get()) is not None:
            self._perform(visit)

    def _perform(self, visit: Visit) -> None:
        used, peak = _processor_s(), _peak_bytes()
        alone(visit.context)
        fields, payload = contextvars.copy_context().run(self._attempt, visit)
        settle(visit.context)
        if "trace" in visit.header:
            telemetry.hand_over()
        visit.context.close()
        self._visit = None
        alone(None)
        self._upkeep.flush()
        fit = self._upkeep.restore()
        resident = lineage.resident_bytes(os.getpid())
        highest = _peak_bytes()
        self._courier.send(
            {
                **fields,
                "t": "end",
                "n": visit.number,
                "cpu": _processor_s() - used,
                "rss": resident,
                "peak": highest if highest > peak else resident,
                "fit": fit,
                "noticed": visit.context.stop.noticed,
                **calls.loaded_here(),
            },
            payload,
        )

    def _attempt(self, visit: Visit) -> calls.Ended:
        """The end of the run; a stop's exception that comes at the very end finds nothing to break."""
        CURRENT.set(visit.context)
        try:
            try:
                value = self._call(visit)
            finally:
                self._guard.armed = False
            return calls.returned(visit.header, value)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are ends of a job too
            self._guard.armed = False
            return visit.failed(error)

    def _call(self, visit: Visit) -> Any:
        self._arm(visit)
        give_threads(visit.context.info.cpus)
        enter(visit.folder)
        call = visit.load()
        self._guard.armed = False  # no exception may break the frame that begin() sends
        visit.begin()
        self._arm(visit)
        value = call()
        return self._awaited(value) if inspect.isawaitable(value) else value

    def _arm(self, visit: Visit) -> None:
        self._guard.armed = True
        if visit.context.stop.interrupting:
            raise KeyboardInterrupt("asked to stop before it began")

    def _awaited(self, value: Awaitable[Any]) -> Any:
        async def main() -> Any:
            task = asyncio.current_task()
            loop = asyncio.get_running_loop()
            self._guard.instead = lambda: loop.call_soon_threadsafe(task.cancel) if task else None
            return await value

        try:
            with asyncio.Runner() as runner:
                return runner.run(main())
        finally:
            self._guard.instead = None

    def _take(self, header: Header, payload: bytes) -> None:
        """A frame of the engine, in the courier's thread."""
        if header["t"] == "run":
            self._visit = Visit(header, payload, self._courier, self._courier, _print)
            self._inbox.put(self._visit)
        elif (visit := self._visit) is not None and visit.number == header["n"]:
            if header["t"] == "stop":
                self._stop(visit, header)
            else:
                visit.hear(header, payload)

    def _stop(self, visit: Visit, header: Header) -> None:
        stop = visit.context.stop
        stop.interrupting = stop.interrupting or header["how"] != "ask"
        listening = stop.has_listeners
        tell = stop.ask(header["why"])
        if listening:
            threading.Thread(target=tell, daemon=True, name=THREADS + "stop").start()
        if header["how"] == "terminate":
            self._guard.terminate()
        elif header["how"] == "interrupt" and (visit.context.rests or not stop.cooperative):
            self._guard.interrupt()

    def _left(self) -> None:
        """The engine has closed the socket: in the middle of a run nobody waits for its end any more."""
        if self._visit is not None:
            lineage.kill_group(os.getpid())
        self._inbox.put(None)

    def _mute(self) -> None:
        """In a forked copy: speak to nobody, and be stopped like any process."""
        self._courier.mute()
        if self._visit is not None:
            self._visit.context.reports.silence()
        guard.release()


def _print(text: str) -> None:
    stream = sys.__stdout__  # user code may have put another in the place of sys.stdout
    if stream is not None:
        stream.write(text)
        stream.flush()


def _processor_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def _peak_bytes() -> int:
    return lineage.peak_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
