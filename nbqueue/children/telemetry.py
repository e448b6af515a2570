"""OpenTelemetry in a child: spans that end here go to the engine, which sends them on while jobs end and begin."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from typing import Any, Protocol

from nbqueue.children import exporting, span_frames
from nbqueue.children.frames import Header
from nbqueue.inside.reports import Ticker

logger = logging.getLogger("nbqueue.worker")

#: spans that wait to go out; of more the oldest are left out
_WAITING = 2048

_tried = False
_handing: Handing | None = None


class Post(Protocol):
    """What sends frames to the engine."""

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Send a frame."""


def set_up(post: Post, ticker: Ticker) -> None:
    """Record spans where the worker exports them, unless code of the user's has set up something itself."""
    global _tried, _handing  # noqa: PLW0603 - once a process
    if _tried or not exporting.wanted():
        return
    _tried = True
    try:
        _handing = _provide(Handing(post, ticker))
    except Exception as error:  # noqa: BLE001 - the code of others; jobs run without it
        logger.debug("No spans are recorded: %s: %s", type(error).__name__, error)


def hand_over() -> None:
    """Give the engine what has ended here: this process may be ended at any moment."""
    if _handing is not None:
        _handing.send()


class Handing:
    """A processor of spans without a thread of its own: they go out with the reports of jobs."""

    def __init__(self, post: Post, ticker: Ticker) -> None:
        self._post, self._ticker = post, ticker
        self._ended: deque[Any] = deque(maxlen=_WAITING)
        self._is_ticking = False
        self._pid = os.getpid()

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Nothing is told of what has not ended."""

    def _on_ending(self, span: Any) -> None:
        """Nothing is added to it."""

    def on_end(self, span: Any) -> None:
        """Have it sent soon; a forked copy speaks to nobody."""
        if not span.context.trace_flags.sampled or os.getpid() != self._pid:
            return
        self._ended.append(span)
        if not self._is_ticking:
            self._is_ticking = True
            self._ticker.start(self.tick)

    def tick(self) -> bool:
        """Send what there is; whether there was anything."""
        self._is_ticking = False
        if not self.send():
            return False
        self._is_ticking = True
        return True

    def send(self) -> bool:
        """Send what there is, from a thread that no exception of a stop can break; whether there was anything."""
        spans: list[Any] = []
        with contextlib.suppress(IndexError):
            while True:
                spans.append(self._ended.popleft())
        for payload in span_frames.encoded(spans):
            self._post.send({"t": "spans"}, payload)
        return bool(spans)

    def shutdown(self) -> None:
        """Nothing is held that would have to be let go."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - it never waits
        """They go out by themselves: code in a job must not write in the middle of a frame."""
        return True


def _provide(handing: Handing) -> Handing | None:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return None
    # what is told of all spans is the engine's to say
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(handing)  # type: ignore[arg-type]  # its class is known only once the SDK is imported
    trace.set_tracer_provider(provider)
    return handing
