"""OpenTelemetry in the processes of a worker: set up as its own environment variables say, if they say anything."""

from __future__ import annotations

import logging
import os
from importlib import metadata
from typing import Any

from nbqueue.inside import tracing

logger = logging.getLogger("nbqueue.worker")

#: how long what is under way may hold up the end of a job
FLUSH_MS = 1000
#: set by OpenTelemetry's own conventions: "otlp", "console", several with commas between, "none"
EXPORTERS = "OTEL_TRACES_EXPORTER"

_tried = False


def set_up() -> None:
    """Export spans where OTEL_TRACES_EXPORTER says to, unless code of the user's has set up something itself."""
    global _tried  # noqa: PLW0603 - once a process
    wanted = [name.strip() for name in os.environ.get(EXPORTERS, "").split(",") if name.strip() not in ("", "none")]
    if _tried or not wanted:
        return
    _tried = True
    try:
        _provide(wanted)
    except Exception as error:  # noqa: BLE001 - exporters are code of others; jobs run without them
        logger.warning("No spans are exported (%s=%s): %s: %s. pip install 'nbqueue[otel]' brings OpenTelemetry.",
                       EXPORTERS, ",".join(wanted), type(error).__name__, error)  # fmt: skip


def flush() -> None:
    """Send what has ended: this process may be ended at any moment."""
    found = tracing.library()
    force = getattr(found.get_tracer_provider(), "force_flush", None) if found is not None else None
    if force is not None:
        force(FLUSH_MS)


def _provide(wanted: list[str]) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    # what the environment says of the name comes before ours
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "nbqueue-worker"}
    provider = TracerProvider(resource=Resource.create(named))
    for name in wanted:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    trace.set_tracer_provider(provider)


def _exporter(name: str) -> Any:
    found = metadata.entry_points(group="opentelemetry_traces_exporter", name=name)
    if not found:
        raise LookupError(f'no installed package brings an exporter "{name}" (for "otlp" opentelemetry-exporter-otlp)')
    return next(iter(found)).load()()
