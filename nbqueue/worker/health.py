"""How a worker is, over HTTP: GET /live, /ready and /metrics, for those who watch over it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

logger = logging.getLogger("nbqueue.worker")

#: how long a request may take, and how long its head may be
REQUEST_S, HEAD_BYTES = 5.0, 8192
#: connections at once; of more, the one that has been silent the longest makes room
MOST_AT_ONCE = 32
_JSON, _TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
_LANES = ("async", "process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a worker says of itself."""

    #: whether it was told to end
    stopping: bool
    #: whether the server has renewed its leases lately
    connected: bool
    #: engines that are to be there, and that serve
    wanted: int
    engines: int
    #: jobs that run, and how many one engine runs at once, coroutines first
    busy: tuple[int, int]
    slots: tuple[int, int]
    #: engines that took the place of another
    restarts: int
    #: the key that the others sign with and that its key file lacks; empty: none
    lacked_key: str = ""
    #: what the server last said where it refuses this worker
    refusal: str = ""

    @property
    def why_not_ready(self) -> str:
        """Why it takes no jobs now; empty where it does."""
        if self.stopping:
            return "it was told to end"
        if not self.engines:
            return "no engine of it serves yet"
        if not self.connected:
            return f"the server refuses it: {self.refusal}" if self.refusal else "the server does not answer it"
        return f"its key file lacks key {self.lacked_key}, with which the others sign" if self.lacked_key else ""

    @property
    def all_slots(self) -> tuple[int, int]:
        """How many jobs the engines that serve run at once, coroutines first."""
        return self.slots[0] * self.engines, self.slots[1] * self.engines


@asynccontextmanager
async def listening(place: str, look: Callable[[], Health]) -> AsyncIterator[None]:
    """Answer at "host:port" as long as the block runs; at an empty place nobody does."""
    if not place:
        yield
        return
    host, port = address(place)
    endpoint = _Endpoint(look)
    try:
        server = await asyncio.start_server(endpoint.answer, host, port, limit=HEAD_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"Nothing can listen at --health {place} ({error.strerror}): give an address of this machine and a port "
            "that is free."
        ) from error
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    logger.info("How this worker is: http://%s/live, /ready and /metrics", where)
    try:
        yield
    finally:
        server.close()
        await endpoint.close()


def address(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8090" or "[::1]:8090"; a port alone is of this machine."""
    host, _, port = text.rpartition(":")
    if port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535:  # noqa: PLR2004 - the range of ports
        return host.strip("[]") or "127.0.0.1", int(port)
    raise ConfigurationError(f"--health {shown(text)} cannot be used: give HOST:PORT, such as 127.0.0.1:8090.")


class _Endpoint:
    """Answers requests."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        #: who is connected, the first one first
        self._under_way: dict[asyncio.Task[None], None] = {}

    def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer; who only keeps connections open keeps nobody else from an answer."""
        if len(self._under_way) >= MOST_AT_ONCE:
            oldest = next(iter(self._under_way))
            del self._under_way[oldest]
            oldest.cancel()
        # a task of our own: of one that asyncio makes of a coroutine Python 3.11 tells the cancellation as an error
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._under_way[task] = None
        task.add_done_callback(lambda task: self._leave(task, writer))

    async def close(self) -> None:
        """Leave those who are connected."""
        open_ = list(self._under_way)
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)

    def _leave(self, task: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        self._under_way.pop(task, None)
        # not in the task: one that is cancelled before it began does nothing at all
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head.split(b"\r\n", 1)[0].decode("latin-1"), self._look()))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # who asks so gets no answer


def _response(line: str, health: Health) -> bytes:
    status, kind, text = _answer(line, health)
    body = text.encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if line.startswith("HEAD ") else body)


def _answer(line: str, health: Health) -> tuple[int, str, str]:
    """Status, kind and text of the answer to a request's first line."""
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, path, version
        return 400, _JSON, '{"error": "this is no HTTP request"}\n'
    if words[0] not in {"GET", "HEAD"}:
        return 405, _JSON, '{"error": "only GET and HEAD are answered"}\n'
    match words[1].partition("?")[0]:
        case "/live":
            return 200, _JSON, '{"live": true}\n'
        case "/ready":
            why = health.why_not_ready
            return 503 if why else 200, _JSON, json.dumps(_facts(health)) + "\n"
        case "/metrics":
            return 200, _TEXT, metrics(health)
    return 404, _JSON, '{"error": "there are /live, /ready and /metrics"}\n'


def _facts(health: Health) -> dict[str, Any]:
    """What /ready says."""
    why = health.why_not_ready
    return {"ready": not why, "why": why, **asdict(health), "slots": health.all_slots}


def metrics(health: Health) -> str:
    """What Prometheus reads."""
    facts = [
        ("ready", "gauge", "Whether the worker takes jobs.", {"": int(not health.why_not_ready)}),
        ("engines", "gauge", "Engines that serve.", {"": health.engines}),
        ("engines_wanted", "gauge", "Engines that are to be there.", {"": health.wanted}),
        ("engine_restarts_total", "counter", "Engines that took the place of another.", {"": health.restarts}),
        ("slots", "gauge", "Jobs that the engines run at once.", _by_lane(list(health.all_slots))),
        ("busy", "gauge", "Jobs that run.", _by_lane(list(health.busy))),
    ]
    lines = []
    for name, kind, about, values in facts:
        lines += [f"# HELP nbqueue_worker_{name} {about}", f"# TYPE nbqueue_worker_{name} {kind}"]
        lines += [f"nbqueue_worker_{name}{lane} {number}" for lane, number in values.items()]
    return "\n".join(lines) + "\n"


def _by_lane(numbers: list[int]) -> dict[str, int]:
    return {f'{{lane="{lane}"}}': number for lane, number in zip(_LANES, numbers, strict=True)}
