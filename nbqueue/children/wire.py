"""The engine's end of a child's control socket: never blocks, reads and writes many frames at once."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from nbqueue.children.frames import BrokenFrame, Decoder, Frame, Header, head

_READ_BYTES = 2**18
_WRITE_PARTS = 64
_BUFFER_BYTES = 2**20
#: payloads below this are copied behind their heads
_JOINED_BYTES = 2**14


class Wire:
    """Frames to and from one child."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit_bytes: int,
        take: Callable[[list[Frame]], None],
        broken: Callable[[str], None],
    ) -> None:
        """Args: who takes frames; who is told that no more can come, and what was wrong with the last one if it was."""
        self._sock, theirs = socket.socketpair()
        #: the child's end, until it was handed over
        self.theirs: socket.socket | None = theirs
        self._loop = loop
        self._take = take
        self._broken = broken
        self._decoder = Decoder(limit_bytes)
        self._out: deque[bytes | memoryview] = deque()
        self._writing = False
        #: set while nothing waits to be written
        self._idle = asyncio.Event()
        self._idle.set()
        self._sock.setblocking(False)  # noqa: FBT003 - it takes no keyword
        for end in (self._sock, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        loop.add_reader(self._sock, self._read)

    def send(self, header: Header) -> None:
        """Send a frame without a payload, with the others of this round of the loop."""
        self.send_parts(head(header, 0))

    def send_parts(self, first: bytes | memoryview, *payload: bytes | memoryview) -> None:
        """Send a frame whose head is written already."""
        if sum(map(len, payload)) < _JOINED_BYTES:
            self._out.append(b"".join((first, *payload)))
        else:
            self._out.extend(part for part in (first, *payload) if part)
        if not self._writing:
            self._writing = True
            self._idle.clear()
            self._loop.call_soon(self._write)

    async def written(self) -> None:
        """Wait until all that was sent is written, or nobody is there to read it."""
        await self._idle.wait()

    def let_go(self) -> None:
        """Close the child's end here: it has it, or nobody will."""
        if self.theirs is not None:
            self.theirs.close()
            self.theirs = None

    def drain(self) -> None:
        """Take what a child that is gone had sent."""
        while self._sock.fileno() >= 0 and self._receive():
            pass

    def end_of_runs(self) -> None:
        """Tell the child that no more runs come, once all is written; it then leaves."""
        if self._sock.fileno() >= 0 and not self._out:
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end, and the other where nobody took it."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
        self._idle.set()
        self.let_go()

    def _read(self) -> None:
        self._receive()

    def _receive(self) -> bool:
        """Take one read's worth of frames; False where nothing more is to come now."""
        try:
            data = self._sock.recv(_READ_BYTES)
            frames = self._decoder.feed(data)
        except BlockingIOError:
            return False
        except (OSError, BrokenFrame) as error:
            return self._end(str(error) if isinstance(error, BrokenFrame) else "")
        if not data:
            return self._end("")
        if frames:
            self._take(frames)
        return True

    def _end(self, why: str) -> bool:
        """Close, and say that no more is to come."""
        self.close()
        self._broken(why)
        return False

    def _write(self) -> None:
        """Write what there is; go on when the socket takes more."""
        if self._sock.fileno() < 0:
            self._idle.set()
            return
        try:
            while self._out:
                self._advance(self._sock.sendmsg([*_first(self._out)]))
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._resume)
            return
        except OSError:
            self._out.clear()
        self._writing = False
        self._idle.set()

    def _resume(self) -> None:
        self._loop.remove_writer(self._sock)
        self._write()

    def _advance(self, written: int) -> None:
        out = self._out
        while out and written >= len(out[0]):
            written -= len(out.popleft())
        if written:
            out[0] = memoryview(out[0])[written:]


def _first(parts: deque[bytes | memoryview]) -> list[bytes | memoryview]:
    return [parts[index] for index in range(min(len(parts), _WRITE_PARTS))]
