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
#: one vendor's part of a tracestate (https://www.w3.org/TR/trace-context/#tracestate-header-field-values)
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
#: bytes of a tracestate that W3C recommends to carry, and of a part that is left out first where there are more
STATE_BYTES, _LARGE_BYTES = 512, 128
_MOST_MEMBERS = 32


def library() -> Any:
    """The module `opentelemetry.trace`, where this process has loaded it; else None."""
    return sys.modules.get("opentelemetry.trace")


def known(text: object) -> str:
    """What somebody says the trace of a job is: a traceparent, and after a space its tracestate if there is one.

    Empty where it is no traceparent; a tracestate that is none is left out, and of a long one what is too much.
    """
    parent, _, state = text.partition(" ") if isinstance(text, str) else ("", "", "")
    return _joined(parent, state) if _TRACEPARENT.fullmatch(parent) else ""


def text_of(span: Any) -> str:
    """A span as such a text; empty where it is none that anybody could continue."""
    about = span.get_span_context()
    if not about.is_valid:
        return ""
    parent = f"00-{about.trace_id:032x}-{about.span_id:016x}-{about.trace_flags:02x}"
    return _joined(parent, about.trace_state.to_header()) if about.trace_state else parent


def here() -> str:
    """The span under way in the calling code as such a text, or nothing."""
    found = library()
    return text_of(found.get_current_span()) if found is not None else ""


def context_of(trace: str) -> Any:
    """The context of OpenTelemetry in which a span of elsewhere is under way; None where there is neither."""
    found, text = library(), known(trace)
    if found is None or not text:
        return None
    parent, _, state = text.partition(" ")
    _, trace_id, span_id, flags = parent.split("-")
    about = found.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=found.TraceFlags(int(flags, 16)),
        trace_state=found.TraceState.from_header([state]) if state else None,
    )  # fmt: skip
    return found.set_span_in_context(found.NonRecordingSpan(about))


def enter(trace: str) -> None:
    """Have what the calling code does from now on belong to a span of elsewhere, until its own context ends."""
    context = context_of(trace)
    if context is not None:
        sys.modules["opentelemetry.context"].attach(context)


def _joined(parent: str, state: str) -> str:
    """Both as one text, the state no longer than what is carried."""
    members = _members(state)
    if _bytes(members) > STATE_BYTES:
        members = [each for each in members if len(each) <= _LARGE_BYTES]
    while _bytes(members) > STATE_BYTES:
        members.pop()  # the last are those that changed longest ago
    return " ".join((parent, ",".join(members))) if members else parent


def _members(state: str) -> list[str]:
    """The parts of a tracestate; none where one of them is none, or comes twice."""
    found = [each for part in state.split(",") if (each := part.strip(" \t"))]
    vendors = {each.partition("=")[0] for each in found}
    is_one = len(found) == len(vendors) <= _MOST_MEMBERS and all(_MEMBER.fullmatch(each) for each in found)
    return found if is_one else []


def _bytes(members: list[str]) -> int:
    return sum(map(len, members)) + max(len(members) - 1, 0)
