"""Spans on their way from a child to its engine: JSON, as an engine unpickles nothing that a child sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

#: bytes of a frame: engines take some more than their limit for results, however low that is
FRAME_BYTES = 60_000


def encoded(spans: Iterable[Any]) -> Iterator[bytes]:
    """The payloads of frames for these spans; a span that fits into none is left out."""
    texts: list[bytes] = []
    size = 0
    for span in spans:
        text = json.dumps(_wire(span), default=str).encode()
        if len(text) > FRAME_BYTES:
            continue
        if size + len(text) > FRAME_BYTES:
            yield _joined(texts)
            texts, size = [], 0
        texts.append(text)
        size += len(text)
    if texts:
        yield _joined(texts)


def decoded(payload: bytes, resource: Any) -> list[Any]:
    """The spans of a frame, as they are told of whose resource this is; raises where it is none."""
    return [_span(each, resource) for each in json.loads(payload)]


def _joined(texts: list[bytes]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def _wire(span: Any) -> dict[str, Any]:
    scope = span.instrumentation_scope
    return {
        "name": span.name, "kind": span.kind.name, "start": span.start_time, "end": span.end_time,
        "context": _wire_of(span.context), "parent": _wire_of(span.parent), "attributes": _plain(span.attributes),
        "status": [span.status.status_code.name, span.status.description],
        "events": [[each.name, _plain(each.attributes), each.timestamp] for each in span.events],
        "links": [[_wire_of(each.context), _plain(each.attributes)] for each in span.links],
        "scope": scope and [scope.name, scope.version, scope.schema_url, _plain(scope.attributes)],
    }  # fmt: skip


def _plain(attributes: Any) -> dict[str, Any]:
    return dict(attributes or {})


def _wire_of(context: Any) -> list[Any] | None:
    if context is None:
        return None
    state = context.trace_state.to_header()
    return [context.trace_id, context.span_id, context.is_remote, int(context.trace_flags), state]


def _span(wire: dict[str, Any], resource: Any) -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    status, description = wire["status"]
    return ReadableSpan(
        wire["name"], kind=trace.SpanKind[wire["kind"]], start_time=wire["start"], end_time=wire["end"],
        context=_context(wire["context"]), parent=wire["parent"] and _context(wire["parent"]),
        resource=resource, attributes=wire["attributes"],
        status=trace.Status(trace.StatusCode[status], description),
        events=[Event(*each) for each in wire["events"]],
        links=[trace.Link(_context(context), attributes) for context, attributes in wire["links"]],
        instrumentation_scope=wire["scope"] and InstrumentationScope(*wire["scope"]),
    )  # fmt: skip


def _context(wire: list[Any]) -> Any:
    from opentelemetry import trace

    trace_id, span_id, is_remote, flags, state = wire
    return trace.SpanContext(
        trace_id, span_id, is_remote, trace.TraceFlags(flags), trace.TraceState.from_header([state] if state else [])
    )
