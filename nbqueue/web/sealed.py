"""How every answer goes out: with the headers of all, and a line of the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from nbqueue.model.told import RequestFacts
from nbqueue.web.call import Call
from nbqueue.web.streams import STREAM_TYPE

logger = logging.getLogger("nbqueue.web")

#: how the scope of a request says that it is answered with a stream of events
STREAM = "nbqueue.stream"
#: how its state names the address that the connection came from, whatever a proxy says
PEER = "peer"
#: on every answer
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # with "no-referrer" browsers send forms of our own pages with Origin: null
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Sealed:
    """Sends an answer with the headers of all, and notes how it went."""

    def __init__(self, send: Send, call: Call) -> None:
        self._send = send
        self._call = call
        self._began = time.monotonic()
        self._status = 0

    @property
    def has_begun(self) -> bool:
        """Whether an answer is on its way."""
        return self._status != 0

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith(STREAM_TYPE):
                self._call.scope[STREAM] = True
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    def log(self) -> None:
        """One line of the log: never the query, which may hold a token."""
        raw: Any = self._call.scope.get("raw_path") or b""
        path = ascii(bytes(raw).decode("latin-1"))[1:-1]
        took_ms = (time.monotonic() - self._began) * 1000
        facts = RequestFacts(
            method=self._call.method[:16], path=path[:200], status=self._status or None, duration_ms=round(took_ms, 1),
            client=_client(self._call.scope),
        )  # fmt: skip
        logger.info("%s %s %s in %.0f ms", facts.method, facts.path, facts.status or "-", took_ms, extra=facts.extra())


def _client(scope: Scope) -> str:
    """Who called: whom a proxy names where that is an address, or else whom the connection came from."""
    for each in (scope.get("client"), scope.get("state", {}).get(PEER)):
        with suppress(ValueError):
            # a zone may be any text
            return str(ip_address(str(each[0]).partition("%")[0] if each else ""))
    return ""
