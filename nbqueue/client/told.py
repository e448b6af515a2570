"""What a clerk tells a job, as plain JSON, and how the job reads it: records, ends and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from nbqueue import errors
from nbqueue.client.ended import Ended
from nbqueue.errors import NbqueueError
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State, WaitReason


def record_fields(record: JobRecord) -> dict[str, Any]:
    """A record as plain JSON."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    for name, value in found.items():
        if isinstance(value, datetime):
            found[name] = value.isoformat()
        elif isinstance(value, Progress):
            found[name] = value.to_wire()
    return found


def record_of(found: Mapping[str, Any]) -> JobRecord:
    """The record that `record_fields` wrote."""
    read: dict[str, Any] = dict(found)
    for name, value in found.items():
        if name.endswith("_at") and value is not None:
            read[name] = datetime.fromisoformat(value)
    read["state"] = State(read["state"])
    read["reason"] = WaitReason(read["reason"]) if read["reason"] else None
    read["tags"], read["after"] = tuple(read["tags"]), tuple(read["after"])
    read["progress"] = Progress.from_wire(read["progress"])
    return JobRecord(**read)


def end_fields(ended: Ended) -> dict[str, Any]:
    """An end as plain JSON, without its payload."""
    return {
        "id": ended.job_id,
        "state": ended.state,
        "header": dict(ended.header),
        "record": record_fields(ended.record) if ended.record is not None else None,
        "problem": error_fields(ended.problem) if ended.problem is not None else None,
    }


def end_of(found: Mapping[str, Any], payload: bytes) -> Ended:
    """The end that `end_fields` wrote."""
    return Ended(
        job_id=found["id"],
        state=State(found["state"]) if found["state"] else None,
        header=found["header"],
        payload=payload,
        record=record_of(found["record"]) if found["record"] else None,
        problem=error_of(found["problem"]) if found["problem"] else None,
    )


def error_fields(error: NbqueueError) -> dict[str, str]:
    """An error as plain JSON."""
    return {"type": type(error).__name__, "message": str(error)}


def error_of(found: Mapping[str, str]) -> NbqueueError:
    """The error that was told of, of the class it had."""
    kind = getattr(errors, found["type"], None)
    known = isinstance(kind, type) and issubclass(kind, NbqueueError) and not issubclass(kind, errors.Retrying)
    return (kind if known and kind is not None else NbqueueError)(found["message"])
