"""Traces of OpenTelemetry: what is under way here, as text that travels with a job, and the same from that text.

Only a process that has loaded OpenTelemetry itself has any: nothing is imported here, and elsewhere this costs a look
into a dict.
"""

from __future__ import annotations

import re
import sys
from typing import Any

#: as W3C Trace Context writes it: version, trace, span, flags (https://www.w3.org/TR/trace-context/#traceparent-header)
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def library() -> Any:
    """The module `opentelemetry.trace`, where this process has loaded it; else None."""
    return sys.modules.get("opentelemetry.trace")


def known(text: object) -> str:
    """What somebody says the trace of a job is; empty where it is no traceparent."""
    return text if isinstance(text, str) and _TRACEPARENT.fullmatch(text) else ""


def text_of(span: Any) -> str:
    """A span as a traceparent; empty where it is none that anybody could continue."""
    about = span.get_span_context()
    return f"00-{about.trace_id:032x}-{about.span_id:016x}-{about.trace_flags:02x}" if about.is_valid else ""


def here() -> str:
    """The span under way in the calling code as a traceparent, or nothing."""
    found = library()
    return text_of(found.get_current_span()) if found is not None else ""


def context_of(trace: str) -> Any:
    """The context of OpenTelemetry in which a span of elsewhere is under way; None where there is neither."""
    found = library()
    if found is None or not known(trace):
        return None
    _, trace_id, span_id, flags = trace.split("-")
    about = found.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=found.TraceFlags(int(flags, 16))
    )
    return found.set_span_in_context(found.NonRecordingSpan(about))


def enter(trace: str) -> None:
    """Have what the calling code does from now on belong to a span of elsewhere, until its own context ends."""
    context = context_of(trace)
    if context is not None:
        sys.modules["opentelemetry.context"].attach(context)
