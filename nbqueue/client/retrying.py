"""A retry: the same function, arguments and options as a new job, signed anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbqueue.broker.envelope import Sealed
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS
from nbqueue.client.delivery import deliver
from nbqueue.client.link import Link
from nbqueue.client.origin import origin
from nbqueue.client.submission import Draft, Order
from nbqueue.errors import JobError
from nbqueue.model.job import JobRecord
from nbqueue.model.names import new_job_id
from nbqueue.model.options import Options


async def retry(link: Link, job_id: str, sent: Draft | None) -> Draft:
    """Submit the job again under a new id: from the server's copy, else from what this handle sent."""
    record = await link.record(job_id)
    sealed = await link.call_of(job_id, record.function)
    if sealed is not None:
        kept = unsealed(record, sealed)
        told = sent.order.options.on_done if sent is not None else kept.order.options.on_done
        sent = replace(kept, order=replace(kept.order, options=replace(kept.order.options, on_done=told)))
    if sent is None:
        raise JobError(
            f"Job {job_id} has ended, and its function and arguments are kept no longer: submit it again.",
            job_id=job_id,
        )
    options = replace(
        sent.order.options, job_id=None, delay=0.0, at=None, unique=None, debounce=None, cache=None, after=()
    )
    order = replace(sent.order, options=options, retry_of=job_id, origin=origin(), group="", size=0)
    draft = Draft(new_job_id(), order, sent.payload, sent.parents)
    await deliver(link, draft)
    return draft


def unsealed(record: JobRecord, sealed: Sealed) -> Draft:
    """A verified submission, with what its record says beside."""
    header: dict[str, Any] = sealed.header
    options = replace(
        Options.from_wire(header.get("opt") or {}),
        queue=record.queue, priority=record.priority, tags=tuple(header.get("tags") or ()),
        label=None if header.get("label") == header["fn"] else header.get("label"),
    )  # fmt: skip
    lane = LANE_PROCESS if header.get("lane") == "process" else LANE_LOOP
    group = str(header.get("group", ""))
    order = Order(
        options=options, function=header["fn"], lane=lane, by_name=header.get("by") == "name", origin=origin(),
        group=group,
    )  # fmt: skip
    return Draft(record.id, order, sealed.payload, tuple(header.get("inputs", ())))
