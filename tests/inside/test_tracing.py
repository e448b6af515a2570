"""A trace as text: what is read from it has what was written, and what is no trace is left alone."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace

from nbqueue.inside import tracing
from nbqueue.model.errands import Form
from nbqueue.model.options import Options
from nbqueue.model.told import JobFacts

#: a stand-in for OpenTelemetry's name of "nobody"
NOBODY = "00-00000000000000000000000000000000-0000000000000000-00"
PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.mark.parametrize(
    "text", ["", NOBODY, "00-abc-def-01", 7, None, "01-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-" + "A" * 32 + "-1"]
)
def test_what_is_no_trace_is_left_alone(text: object) -> None:
    """A header that says anything else than a traceparent starts no trace, and stops no job."""
    assert (tracing.known(text), tracing.context_of(str(text))) == ("", None)


@pytest.mark.parametrize("state", ["", "vendor=a/b-c,other=1 2", "tenant@vendor=x"])
def test_a_trace_survives_its_text(state: str) -> None:
    """What is read from it has its ids, its flags, and what others keep in it."""
    about = trace.SpanContext(2**100 + 7, 5, is_remote=True, trace_flags=trace.TraceFlags(1),
                              trace_state=trace.TraceState.from_header([state]))  # fmt: skip
    text = tracing.text_of(trace.NonRecordingSpan(about))
    assert trace.get_current_span(tracing.context_of(text)).get_span_context() == about
    assert tracing.known(text) == text


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (" a=1 ,\tb=2,", "a=1,b=2"), ("a=1,a=2", ""), ("a", ""), ("a=1,=2", ""), ("A=1", ""), ("a=1=2", ""),
        ("a=é", ""), ("a=1\nb=2", ""), (",".join(f"k{n}=1" for n in range(33)), ""), (",,,", ""),
    ],
)  # fmt: skip
def test_what_is_no_tracestate_is_left_out(state: str, kept: str) -> None:
    """The trace goes on without it, as W3C has it; empty parts and blanks around one are none of it."""
    text = f"{PARENT} {kept}".rstrip()
    assert tracing.known(f"{PARENT} {state}") == text
    found = trace.get_current_span(tracing.context_of(f"{PARENT} {state}")).get_span_context()
    assert (found.trace_state.to_header(), tracing.text_of(trace.NonRecordingSpan(found))) == (kept, text)


def test_of_a_long_tracestate_the_first_parts_are_kept() -> None:
    """512 bytes of it: parts over 128 go first, then the last ones, and none is cut."""
    small, large = [f"k{n:02}={'v' * 60}" for n in range(10)], "big=" + "v" * 200
    kept = tracing.known(f"{PARENT} {','.join([large, *small])}").partition(" ")[2]
    assert kept == ",".join(small[:7])
    assert tracing.known(f"{PARENT} {large},a=1") == f"{PARENT} {large},a=1"
    full = ["a=" + "v" * 126, "b=" + "v" * 126, "c=" + "v" * 126, "d=" + "v" * 123]
    assert tracing.known(f"{PARENT} {','.join(full)}") == f"{PARENT} {','.join(full)}"


def test_a_form_carries_all_of_a_trace() -> None:
    """The longest one is not cut on its way from a job to its worker."""
    text = tracing.known(
        f"{PARENT} " + ",".join(["a=" + "v" * 126, "b=" + "v" * 126, "c=" + "v" * 126, "d=" + "v" * 123])
    )
    wire = Form(options=Options(), function="f", lane=0).to_wire() | {"trace": text}
    assert (len(text), Form.from_wire(json.loads(json.dumps(wire))).trace) == (55 + 1 + 512, text)


def test_a_line_of_the_log_has_the_ids_of_a_trace_with_a_tracestate() -> None:
    """The two names that others look for, and not what others keep."""
    assert JobFacts(event="started", job="j", trace=f"{PARENT} vendor=a-b").to_wire() == {
        "event": "started", "job": "j", "trace_id": "a" * 32, "span_id": "b" * 16,
    }  # fmt: skip
