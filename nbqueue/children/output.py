"""What a child's processes write to their standard streams: read without blocking, bounded, as text for a job."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import fcntl
import os
import sys
from collections.abc import Callable

from nbqueue.inside.budget import Budget

#: seconds between two pieces of one job's output
_PERIOD_S = 0.1
_READ_BYTES = 2**18
#: at a run's end no more than this is waited for; a pipe holds less
_DRAIN_BYTES = 2**20
#: seconds without reading once a job is over its budget, so that a flood costs the engine little
_PAUSE_S = 0.002
_TAIL_BYTES = 2**14
_STACK_BYTES = 4_096
_STACK_BEGINS = b"Fatal Python error"

#: Linux's command to set a pipe's size; elsewhere, and over a user's quota, it is refused
_F_SETPIPE_SZ = 1031

Deliver = Callable[[str], None]


class Output:
    """The reading end of one child's output pipe."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._descriptor, theirs = os.pipe()
        #: the child's end, until it was handed over
        self.theirs: int | None = theirs
        self._loop = loop
        self._pause: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tail = b""
        self._begin(_to_nobody)
        os.set_blocking(self._descriptor, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(theirs, _F_SETPIPE_SZ, _READ_BYTES)
        loop.add_reader(self._descriptor, self._read)

    def let_go(self) -> None:
        """Close the child's end here: it has it, or nobody will."""
        if self.theirs is not None:
            os.close(self.theirs)
            self.theirs = None

    def begin(self, deliver: Deliver) -> None:
        """What comes from now on is for `deliver`; `end` comes before."""
        self._begin(deliver)

    def end(self) -> None:
        """Deliver all that was written until now; what comes later is nobody's."""
        self._drain()
        if self._budget.dropped:
            kept = self._tail[-min(self._budget.dropped, len(self._tail)) :]
            self._text.append(self._budget.mark(len(kept)) + kept.decode("utf-8", "replace"))
        self._text.append(self._decoder.decode(b"", final=True))
        self._flush()
        self._begin(_to_nobody)

    def stack(self) -> str:
        """What faulthandler wrote last, if it did."""
        self._drain()
        at = self._tail.rfind(_STACK_BEGINS)
        return "" if at < 0 else self._tail[at : at + _STACK_BYTES].decode("utf-8", "replace")

    def close(self) -> None:
        """Deliver what is left and close the pipe."""
        if self._descriptor < 0:
            return
        self.end()
        for timer in (self._pause, self._timer):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self.let_go()

    def _begin(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._budget = Budget(clock=self._loop.time)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text: list[str] = []
        self._tail = b""

    def _read(self) -> None:
        """Read once; over the budget, read again only a little later."""
        self._take_some()
        if self._budget.dropped and self._pause is None and self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._take_some()
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._read)

    def _drain(self) -> None:
        taken = 0
        while taken < _DRAIN_BYTES and (size := self._take_some()):
            taken += size

    def _take_some(self) -> int:
        """Take what one read gives; its size, 0 where there is nothing now."""
        if self._descriptor < 0:
            return 0
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._loop.remove_reader(self._descriptor)
            return 0
        self._add(data)
        return len(data)

    def _add(self, data: bytes) -> None:
        self._tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (self._tail + data)[-_TAIL_BYTES:]
        mark, passed = self._budget.pass_through(len(data))
        if passed:
            self._text.append(mark + self._decoder.decode(data[:passed]))
            if self._timer is None:
                self._flush()

    def _flush(self) -> None:
        """Deliver what has come; further pieces a little later, together."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._text)
        self._text.clear()
        if text:
            self._deliver(text)
            self._timer = self._loop.call_later(_PERIOD_S, self._flush)


def _to_nobody(text: str) -> None:
    """What no run alone has written goes where the worker's own errors go."""
    with contextlib.suppress(OSError, ValueError):  # our own stderr may be closed
        sys.stderr.write(text)
