"""The thread of a child that speaks with the engine while the main thread runs user code."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import traceback
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import NoReturn

from nbqueue.children.frames import Decoder, Frame, Header, head
from nbqueue.inside.reports import PERIOD_S

_READ_BYTES = 2**18
#: an engine may send any payload that it accepted
_ANY_SIZE = 2**32
#: the exit code of a child that cannot hear its engine
DEAF = 70
#: the name that its thread and those it starts begin with
THREADS = "nbqueue-"
#: what a child says that has lost its socket while the engine lives
_CLOSED = (
    b"nbqueue: code in this job closed file descriptors that it did not open, the line to the worker among them.\n"
)
_LAST_WORDS = threading.Lock()


class Courier:
    """Reads the engine's frames, sends reports in time; is the ticker of the job that runs.

    User code's threads never write to the socket: a signal's exception in the middle of a frame would break the stream.
    """

    def __init__(self, sock: socket.socket, take: Callable[[Header, bytes], None], left: Callable[[], None]) -> None:
        self._sock = sock
        self._take = take
        self._left = left
        self._decoder = Decoder(_ANY_SIZE)
        self._sending = threading.Lock()
        self._outgoing: deque[tuple[Header, bytes, threading.Event]] = deque()
        self._ticks: list[tuple[float, Callable[[], bool]]] = []
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._thread = threading.Thread(target=self._run, daemon=True, name=THREADS + "courier")

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def start(self, tick: Callable[[], bool]) -> None:
        """Call `tick` soon and then each PERIOD_S until it gives False."""
        self._ticks.append((0.0, tick))
        self._wake()

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Send a frame from the calling thread, after all that was handed over before. Not for user code's threads."""
        self._deliver()
        self._write(header, payload)

    def hand_over(self, header: Header, payload: bytes, patience_s: float = 5.0) -> None:
        """Have the courier's thread send a frame, and wait until it has."""
        sent = threading.Event()
        self._outgoing.append((header, payload, sent))
        self._wake()
        sent.wait(patience_s)

    def mute(self) -> None:
        """Close everything in a forked copy, which must not speak for this process."""
        if self._sock.fileno() < 0:
            return
        self._sock.close()
        self._ticks.clear()
        self._outgoing.clear()
        os.close(self._woken)
        os.close(self._waker)

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException:  # noqa: BLE001 - a child that hears nothing any more is of no use
            traceback.print_exc()
            os._exit(DEAF)

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        wait_s: float | None = None
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(None if wait_s is None else max(wait_s, 0) * 1000)}
            if self._sock.fileno() in ready and not self._receive():
                return
            if self._woken in ready:
                self._drain_wakes()
                self._deliver()
            wait_s = self._tick()

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(_READ_BYTES)
        except ConnectionError:
            data = b""
        except OSError:
            _say_closed()
        if not data:
            self._left()
            return False
        frame: Frame
        for frame in self._decoder.feed(data):
            self._take(*frame)
        return True

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)

    def _tick(self) -> float | None:
        """Call the ticks that are due; seconds until the next is, or None."""
        if not self._ticks:
            return None
        now = monotonic()
        ticks, self._ticks = self._ticks, []
        for due, tick in ticks:
            if due > now:
                self._ticks.append((due, tick))
            elif tick():
                self._ticks.append((now + PERIOD_S, tick))
        return min((due for due, _ in self._ticks), default=now) - now if self._ticks else None

    def _deliver(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                header, payload, sent = self._outgoing.popleft()
                self._write(header, payload)
                sent.set()

    def _write(self, header: Header, payload: bytes) -> None:
        if self._sock.fileno() < 0:
            return  # a forked copy
        try:
            with self._sending:
                self._sock.sendall(head(header, len(payload)))
                if payload:
                    self._sock.sendall(payload)
        except ConnectionError:
            return  # the engine is gone, and the thread that reads sees it
        except OSError:
            _say_closed()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b".")


def _say_closed() -> NoReturn:
    """End a process that has no line to its engine any more, while the engine lives."""
    _LAST_WORDS.acquire()  # for good: of two threads that see it one speaks
    with contextlib.suppress(OSError):
        os.write(2, _CLOSED)
    os._exit(DEAF)
