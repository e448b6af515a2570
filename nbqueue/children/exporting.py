"""OpenTelemetry in an engine: its spans and those of its children leave from here, in threads of their own.

Set up as OpenTelemetry's own environment variables say, if they say anything.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from queue import Full, Queue
from typing import Any

from nbqueue.children import span_frames

logger = logging.getLogger("nbqueue.worker")

#: how long spans that are under way may hold up the end of an engine
FLUSH_S = 0.8
#: frames of spans that wait for the thread which reads them; more are left out
_FRAMES = 512
#: what children need of OpenTelemetry
_OF_CHILDREN = ("opentelemetry.sdk.trace.export",)
#: set by OpenTelemetry's own conventions: "otlp", "console", several with commas between, "none"
_EXPORTERS = "OTEL_TRACES_EXPORTER"
#: these too: what "otlp" means, the first that is set
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
#: the names that exporters are known by, by the protocol
_OTLP = {"": "otlp_proto_grpc", "grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}

_export: Export | None = None


def wanted() -> list[str]:
    """The exporters that the environment names."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    return [name.strip() for name in os.environ.get(_EXPORTERS, "").split(",") if name.strip() not in ("", "none")]


def set_up() -> None:
    """Export spans where the environment says to, unless code of the user's has set up something itself."""
    global _export  # noqa: PLW0603 - once a process
    names = wanted()
    if _export is not None or not names:
        return
    try:
        _export = _provided(names)
    except Exception as error:  # noqa: BLE001 - exporters are code of others; jobs run without them
        logger.warning("No spans are exported (%s=%s): %s: %s. pip install 'nbqueue[otel]' brings OpenTelemetry.",
                       _EXPORTERS, ",".join(names), type(error).__name__, error)  # fmt: skip


def modules() -> Sequence[str]:
    """What is to be imported before children are forked, so that none of them does while a job waits."""
    return () if _export is None else _OF_CHILDREN


def take(payload: bytes) -> None:
    """A frame of spans that ended in a child."""
    if _export is not None:
        _export.take(payload)


def close(patience_s: float = FLUSH_S) -> None:
    """Send what has ended, but do not wait long for who does not take it."""
    if _export is not None:
        ending = threading.Thread(target=_export.end, daemon=True, name="nbqueue-spans-end")
        ending.start()
        ending.join(patience_s)


class Export:
    """Where spans go. Nothing that is called on the engine's loop waits for anything."""

    def __init__(self, provider: Any, processors: Sequence[Any]) -> None:
        self._provider, self._processors = provider, processors
        self._frames: Queue[bytes | None] = Queue(_FRAMES)
        self._reader = threading.Thread(target=self._read, daemon=True, name="nbqueue-spans")
        self._reader.start()

    def take(self, payload: bytes) -> None:
        """Have a frame read soon; where too many wait, it is left out."""
        with suppress(Full):
            self._frames.put_nowait(payload)

    def end(self) -> None:
        """Read what was taken and send all there is."""
        self._frames.put(None)
        self._reader.join()
        self._provider.shutdown()

    def _read(self) -> None:
        while (payload := self._frames.get()) is not None:
            try:
                for span in span_frames.decoded(payload, self._provider.resource):
                    for processor in self._processors:
                        processor.on_end(span)
            except Exception as error:  # noqa: BLE001 - it comes from a process that runs code of others
                logger.debug("A frame of spans cannot be read: %s: %s", type(error).__name__, error)


def _provided(names: Sequence[str]) -> Export | None:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return None
    # what the environment says of the name comes before ours
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "nbqueue-worker"}
    # at exit it would wait for a collector that is away
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    processors = [BatchSpanProcessor(_exporter(name)) for name in names]
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return Export(provider, processors)


def _exporter(name: str) -> Any:
    called = _called(name)
    found = metadata.entry_points(group="opentelemetry_traces_exporter", name=called)
    if not found:
        package = f"opentelemetry-exporter-{called.replace('_', '-')}"
        hint = f' (for "{name}" {package})' if name == "otlp" else ""
        raise LookupError(f'no installed package brings an exporter "{called}"{hint}')
    return next(iter(found)).load()()


def _called(name: str) -> str:
    """What the entry point of an exporter is called."""
    if name != "otlp":
        return name
    variable = next((each for each in _PROTOCOLS if os.environ.get(each, "").strip()), "")
    protocol = os.environ.get(variable, "").strip()
    if protocol not in _OTLP:
        raise LookupError(f'{variable} is "{protocol}": give "grpc" or "http/protobuf"')
    return _OTLP[protocol]
