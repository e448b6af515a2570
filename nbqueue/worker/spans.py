"""Spans of OpenTelemetry: one an attempt, that follows from the span of its submit.

Names and attributes are those of OpenTelemetry's semantic conventions for messaging; arguments, results and texts of
errors are none of them.
"""

from __future__ import annotations

from typing import Any

from nbqueue.broker.claims import Finish
from nbqueue.inside import tracing
from nbqueue.model.states import State
from nbqueue.worker.attempt import Attempt


def begin(attempt: Attempt) -> Any:
    """The span of an attempt that starts, where OpenTelemetry is loaded; None where nobody takes spans."""
    found, claim = tracing.library(), attempt.claim
    about: dict[str, Any] = {
        "messaging.system": "nbqueue", "messaging.operation.name": "run", "messaging.operation.type": "process",
        "messaging.destination.name": claim.queue, "messaging.message.id": claim.job_id,
        "code.function.name": attempt.function, "nbqueue.attempt": attempt.number,
        "nbqueue.wait_s": max(claim.started_ms - claim.due_ms, 0) / 1000,
    }  # fmt: skip
    if claim.group:
        about["nbqueue.group"] = claim.group
    if "schedule" in attempt.header:
        about["nbqueue.schedule"] = str(attempt.header["schedule"])
    span = found.get_tracer("nbqueue").start_span(
        f"run {claim.queue}", kind=found.SpanKind.CONSUMER, attributes=about,
        context=tracing.context_of(str(attempt.header.get("trace", ""))),
    )  # fmt: skip
    return span if span.get_span_context().is_valid else None


def end(span: Any, finish: Finish) -> None:
    """End the span of an attempt: what did not go well is an error by its type."""
    state = finish.state
    again = "returned" if finish.charge == "none" else "retried"
    span.set_attribute("nbqueue.state", state.value if state.is_final else again)
    if finish.error_type or (state.is_final and state is not State.SUCCEEDED):
        span.set_attribute("error.type", finish.error_type or state.value)
        span.set_status(tracing.library().StatusCode.ERROR)
    span.end()
