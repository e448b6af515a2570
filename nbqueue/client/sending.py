"""What is told of a submit: a span from the call until the server has accepted the jobs, and then a line of the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from nbqueue.client.draft import Order
from nbqueue.inside import tracing
from nbqueue.model.told import JobFacts

log = logging.getLogger("nbqueue")

#: what is to be done with the answer that is awaited
Told = Callable[[Future[Any]], None]


def begin(order: Order, jobs: int, job_id: str = "") -> tuple[Order, Told]:
    """The order with its trace, where anybody traces here, and what is to be given the server's answer."""
    order, span = _traced(order, jobs, job_id)
    if span is None and not log.isEnabledFor(logging.INFO):
        return order, _nothing

    def end(accepted: Future[Any]) -> None:
        error = None if accepted.cancelled() else accepted.exception()
        if span is not None:
            _end(span, error)
        if error is None and not accepted.cancelled():
            _log(order, jobs, job_id)

    return order, lambda accepted: accepted.add_done_callback(end)


def _traced(order: Order, jobs: int, job_id: str) -> tuple[Order, Any]:
    """The order and its span. Names and attributes are those of OpenTelemetry's conventions for messaging."""
    found = tracing.library()
    if found is None:
        return order, None
    about: dict[str, Any] = {
        "messaging.system": "nbqueue", "messaging.operation.name": "submit", "messaging.operation.type": "send",
        "messaging.destination.name": order.options.queue, "code.function.name": order.function,
    }  # fmt: skip
    if order.group:
        about |= {"messaging.batch.message_count": jobs, "nbqueue.group": order.group}
    else:
        about["messaging.message.id"] = job_id
    name = f"submit {order.options.queue}"
    span = found.get_tracer("nbqueue").start_span(name, kind=found.SpanKind.PRODUCER, attributes=about)
    trace = tracing.text_of(span)
    return (replace(order, trace=trace), span) if trace else (order, None)


def _end(span: Any, error: BaseException | None) -> None:
    if error is not None:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(tracing.library().StatusCode.ERROR)
    span.end()


def _log(order: Order, jobs: int, job_id: str) -> None:
    facts = JobFacts(event="enqueued", job=job_id, queue=order.options.queue, function=order.function,
                     group=order.group, trace=order.trace)  # fmt: skip
    if order.group:
        log.info("%d jobs (%s) enqueued in %s.", jobs, order.function, order.options.queue, extra=facts.extra())
    else:
        log.info("Job %s (%s) enqueued in %s.", job_id, order.function, order.options.queue, extra=facts.extra())


def _nothing(_: Future[Any]) -> None:
    """Nobody is told."""
