"""HTTP/1.1 as uvicorn speaks it, with an end to patience: requests that do not come, and answers that nobody takes."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from nbqueue.web.config import LARGEST_HEAD_BYTES
from nbqueue.web.outflow import Outflow
from nbqueue.web.problems import MEDIA_TYPE, document, problem
from nbqueue.web.sealed import HEADERS, PEER, STREAM

logger = logging.getLogger("nbqueue.web")

#: connections over the most that are told that there is no room; more of them are closed without a word
SPARE = 50
#: seconds in which an answer goes out before a connection is closed
GRACE_S = 1.0
_SENTENCES = {
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"The headers are too large: {LARGEST_HEAD_BYTES:,} bytes are the most, with the address."
    ),
    HTTPStatus.BAD_REQUEST: "This is no HTTP request that can be read.",
}


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers, in place of the application, who came when all connections were busy."""
    sentence = "All connections of this web server are busy: ask again soon, or start another web server."
    await problem(503, sentence, headers={"Retry-After": "5", "Connection": "close", **HEADERS})(scope, receive, send)


class PatientProtocol(H11Protocol):
    """One connection."""

    #: a request's line and headers have come within so many seconds, and then its body; so long a reader takes nothing
    patience_s: ClassVar[float] = 15.0
    #: connections at once: over that, the one that has been silent longest makes room for another; where none is
    #: silent, the other is told so
    most: ClassVar[int] = 500
    _outflow: Outflow
    _due: asyncio.TimerHandle | None = None
    _silent_since = 0.0
    #: whether it is a body that is waited for
    _for_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, PEER: self.client}
        self._outflow = Outflow(transport, self.loop, self.patience_s)
        self._silent_since = self.loop.time()
        self._watch()
        if len(self.connections) > self.most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._unwatch()
        self._outflow.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the reader, from the first byte that it does not take at once."""
        super().pause_writing()
        self._outflow.begin()

    def resume_writing(self) -> None:
        """Go on: the reader has taken all."""
        self._outflow.end()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take some bytes. More of what is waited for does not give it more time."""
        super().data_received(data)
        if not self._is_partial() or self._for_body is not self._has_head():
            self._unwatch()
        if self._is_partial():
            self._watch()

    def shutdown(self) -> None:
        """Let this connection come to its end: a stream of events at once, which else would go on for an hour."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.scope.get(STREAM):
            super().shutdown()
            return
        if self.conn.our_state is h11.SEND_BODY:
            self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()
        # what the stream has to say from now on goes nowhere
        cycle.disconnected = True
        cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Say what is wrong with a request that cannot be read."""
        error = sys.exception()
        hint = getattr(error, "error_status_hint", 400)
        status = HTTPStatus(hint) if hint in {*_SENTENCES} else HTTPStatus.BAD_REQUEST
        body = json.dumps(document(status, _SENTENCES[status])).encode()
        headers = [
            (b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"), *((name.encode(), value.encode()) for name, value in HEADERS.items()),
        ]  # fmt: skip
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer: Any = h11.Response(status_code=status, headers=headers, reason=status.phrase)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def on_response_complete(self) -> None:
        """Be silent again."""
        self._silent_since = self.loop.time()
        super().on_response_complete()

    def _make_room(self) -> None:
        """End the connection that has waited longest for a request to come; where none waits, refuse this one."""
        others = [each for each in self.connections if isinstance(each, PatientProtocol) and each is not self]
        waiting = [each for each in others if each.is_silent and each.app is not _full]
        found = min(waiting, key=lambda each: each._silent_since, default=self)  # noqa: SLF001 - of the same class
        if found is self and len(self.connections) <= self.most + SPARE:
            logger.warning("all %d connections are busy: another one is refused", self.most)
            self.app = _full
            return
        # those that are closing are none of them any more
        self.connections.discard(found)
        # nor is waited for what they have not read
        found.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether no request of it is under way."""
        cycle: Any = self.cycle
        return cycle is None or (cycle.response_complete and self.conn.their_state is h11.IDLE)

    def _is_partial(self) -> bool:
        """Whether a request has begun and not ended."""
        theirs = self.conn.their_state
        return theirs is h11.SEND_BODY or (theirs is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _watch(self) -> None:
        if self._due is None:
            self._for_body = self._has_head()
            # of a body that is late the guard says so first
            patience_s = self.patience_s + (GRACE_S if self._for_body else 0.0)
            self._due = self.loop.call_later(patience_s, self._end)

    def _unwatch(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _has_head(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def _end(self) -> None:
        """Close a connection whose request did not come; an answer that is under way is cut off with it."""
        self._due = None
        logger.info("a request did not come wholly in time: its connection is closed")
        self.transport.close()
