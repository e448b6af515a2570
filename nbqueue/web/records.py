"""What is known of jobs, queues and workers, as JSON: each a table of parts, which is its schema too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State, WaitReason
from nbqueue.web.shapes import Schema

T = TypeVar("T")

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": ["number", "null"], "minimum": 0}
MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
TEXTS: Schema = {"type": "array", "items": TEXT}
STATE: Schema = {"type": "string", "enum": [str(state) for state in State]}


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One value of a record."""

    name: str
    schema: Schema
    help: str
    #: takes it from the record; None: the record's own of that name
    get: Callable[[T], Any] | None = None

    def of(self, record: T) -> Any:
        """The value, as JSON has it."""
        found = attrgetter(self.name)(record) if self.get is None else self.get(record)
        if isinstance(found, datetime):
            return found.isoformat()
        return list(found) if isinstance(found, tuple) else found


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """A kind of record."""

    #: how the document calls it
    name: str
    parts: Sequence[Part[T]]

    def of(self, record: T) -> dict[str, Any]:
        """A record as JSON."""
        return {part.name: part.of(record) for part in self.parts}

    @property
    def schema(self) -> Schema:
        """What it looks like."""
        return {
            "type": "object",
            "properties": {part.name: {**part.schema, "description": part.help} for part in self.parts},
            "required": [part.name for part in self.parts],
        }

    @property
    def ref(self) -> Schema:
        """Where the document has it."""
        return {"$ref": f"#/components/schemas/{self.name}"}


def _progress(record: JobRecord) -> Mapping[str, Any]:
    found = record.progress
    return {"fraction": found.fraction, "message": found.message, "metrics": dict(found.metrics)}


PROGRESS: Schema = {
    "type": "object",
    "properties": {
        "fraction": {"type": ["number", "null"]},
        "message": TEXT,
        "metrics": {"type": "object", "additionalProperties": True},
    },
}
JOB: Shape[JobRecord] = Shape("Job", (
    Part("id", TEXT, "names it"),
    Part("state", STATE, "where it stands"),
    Part("queue", TEXT, "the queue it is in"),
    Part("function", TEXT, "the name of its function"),
    Part("label", TEXT, "what it is called"),
    Part("reason", {"type": ["string", "null"], "enum": [*map(str, WaitReason), None]}, "why it waits, where there is "
         "more to say than the state"),
    Part("priority", {"type": "integer"}, "more is sooner"),
    Part("tags", TEXTS, "texts to find it by"),
    Part("group", TEXT, "the group it is of"),
    Part("after", TEXTS, "jobs and groups that must end first"),
    Part("retry_of", TEXT, "the job that it is a retry of"),
    Part("retried_by", TEXT, "the last job that is a retry of it"),
    Part("submitted_at", MOMENT, "when it was accepted"),
    Part("due_at", MOMENT, "from when on it may start"),
    Part("started_at", MOMENT, "when its last attempt started"),
    Part("finished_at", MOMENT, "when it ended"),
    Part("elapsed_s", SECONDS, "seconds of its last attempt"),
    Part("tries", WHOLE, "attempts so far"),
    Part("max_tries", WHOLE, "attempts at most"),
    Part("worker", TEXT, "the engine that has it"),
    Part("error_type", TEXT, "class of the last error"),
    Part("error", TEXT, "first line of the last error"),
    Part("cancel_requested", FLAG, "whether it was asked to stop"),
    Part("progress", PROGRESS, "what it reported last", _progress),
))  # fmt: skip
