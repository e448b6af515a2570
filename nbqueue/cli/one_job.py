"""All that is known of one job: its record, why it waits, its error and where that was raised."""

from __future__ import annotations

import dataclasses
import json

from nbqueue.broker import jobs as wire
from nbqueue.broker.holdup import standing
from nbqueue.cli import tables
from nbqueue.cli.reach import Server, asking
from nbqueue.display import wording
from nbqueue.errors import JobLost
from nbqueue.model import holdup, names
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.states import State


def show(settings: Settings, job_id: str, *, json_wanted: bool) -> None:
    """Print the job as names and values, or as one object with `why` besides. Raises JobLost for an unknown one."""
    names.check_job_id(job_id)
    record, why = asking(settings, lambda server: _looked_up(server, job_id))
    if json_wanted:
        fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        tables.print_json({**fields, "why": why})
        return
    facts = {name: value for name, value in _facts(record, why).items() if value}
    tables.print_facts({name: wording.line(value, tables.TEXT_LIMIT) for name, value in facts.items()})


async def _looked_up(server: Server, job_id: str) -> tuple[JobRecord, str]:
    found: list[JobRecord | None] = await server.ask(lambda client: wire.records(client, server.keys, [job_id]))
    [record] = found
    if record is None:
        raise JobLost(f'The server knows no job "{job_id}": `nbqueue jobs` lists those it knows.', job_id=job_id)
    if not record.may_be_held_up:
        return record, ""
    there = await server.ask(lambda client: standing(client, server.keys, holdup.waiting([record])))
    return record, next(filter(None, holdup.of_job(there, record)), "")


def _facts(record: JobRecord, why: str) -> dict[str, object]:
    """What a card has of it; what is empty is left out."""
    times = (("submitted", record.submitted_at), ("due", record.due_at), ("started", record.started_at),
             ("ended", record.finished_at))  # fmt: skip
    return {
        "id": record.id,
        "state": f"{record.state} ({record.reason})" if record.reason and not why else record.state,
        "waits": why,
        "queue": record.queue,
        "function": record.function,
        "label": record.label if record.label != record.function else "",
        "tags": ", ".join(record.tags),
        "group": record.group,
        "after": ", ".join(record.after),
        "priority": record.priority or "",
        "needs": record.needs,
        **{word: f"{at:%Y-%m-%d %H:%M:%S} UTC, {tables.ago(at)}" for word, at in times if at is not None},
        "took": tables.span(record.elapsed_s) if record.state is State.RUNNING or record.state.is_final else "",
        "attempt": _attempts(record),
        "worker": record.worker,
        "progress": _progress(record),
        "retry of": record.retry_of,
        "retried by": record.retried_by,
        "stopped by": record.stopped_by,
        "failed parent": record.failed_parent,
        "error": f"{record.error_type}: {record.error}" if record.error_type else "",
    }


def _attempts(record: JobRecord) -> str:
    """Which attempt it is, and how many were lost."""
    lost = [f"{count:,} {word}" for count, word in ((record.losses, "lost"), (record.crashes, "crashed")) if count]
    told = f"{record.tries:,} of {record.max_tries:,}" if record.tries or record.max_tries > 1 else ""
    return ", ".join(filter(None, (told, *lost)))


def _progress(record: JobRecord) -> str:
    """How far it is, with its message and its metrics."""
    found = record.progress
    part = "" if found.fraction is None else f"{found.fraction:.0%}"
    metrics = ", ".join(f"{name} {json.dumps(value)}" for name, value in found.metrics.items())
    return ", ".join(filter(None, (part, found.message, metrics)))
