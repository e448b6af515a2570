"""What is known of jobs, queues and workers, as JSON: each a table of parts, which is its schema too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from nbqueue.broker.queues import EngineInfo, Percentiles, QueueStats
from nbqueue.model import holdup
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.job import JobRecord
from nbqueue.model.schedule import ScheduleRecord, ScheduleState
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
    Part("tries", WHOLE, "attempts so far, one that runs among them",
         lambda record: record.tries + (record.state is State.RUNNING)),
    Part("max_tries", WHOLE, "attempts at most"),
    Part("worker", TEXT, "the engine that has it"),
    Part("error_type", TEXT, "class of the last error"),
    Part("error", TEXT, "first line of the last error"),
    Part("cancel_requested", FLAG, "whether it was asked to stop"),
    Part("progress", PROGRESS, "what it reported last", _progress),
))  # fmt: skip


def _percentiles(found: Percentiles | None) -> Mapping[str, Any] | None:
    return None if found is None else {name: getattr(found, name) for name in ("p50", "p90", "p99", "attempts")}


def _held_back(stats: QueueStats) -> Mapping[str, int]:
    """By what as people say it; several gates may be told in the same words."""
    found: Counter[str] = Counter()
    for gate, count in stats.held_back.items():
        found[holdup.behind(gate)] += count
    found[holdup.of_pause(stats.name)] += stats.held_by_pause
    return {words: count for words, count in found.items() if count}


PERCENTILES: Schema = {
    "type": ["object", "null"],
    "properties": {name: {"type": "number", "minimum": 0} for name in ("p50", "p90", "p99", "attempts")},
}
ATTEMPT: Shape[AttemptRecord] = Shape("Attempt", (
    Part("number", WHOLE, "from 1; 0 where the job ended without having started"),
    Part("state", TEXT, '"running", a final state, "retried" or "lost"'),
    Part("started_at", MOMENT, "when it started"),
    Part("finished_at", MOMENT, "when it ended"),
    Part("worker", TEXT, "the engine that ran it"),
    Part("error_type", TEXT, "class of its error"),
    Part("error", TEXT, "the beginning of its error"),
    Part("traceback", TEXT, "where it was retried, the last lines of its traceback"),
))  # fmt: skip
QUEUE_NOW: Shape[QueueStats] = Shape("Queue", (
    Part("name", TEXT, "its name"),
    Part("paused", FLAG, "whether none of its jobs starts"),
    Part("drained", FLAG, "whether it takes no more jobs"),
    Part("limit", TEXT, "the limit that is set for it, in words; empty: none", lambda stats: str(stats.limit or "")),
    Part("queued", WHOLE, "jobs that are ready, or held back"),
    Part("ready", WHOLE, "of those: a worker with a slot to spare would start them now"),
    Part("blocked", WHOLE, "of those: waiting for other jobs"),
    Part("scheduled", WHOLE, "jobs that wait for their time"),
    Part("running", WHOLE, "jobs that run"),
    Part("ended", {"type": "object", "additionalProperties": WHOLE}, "final state -> jobs that ended so",
         lambda stats: {str(state): count for state, count in stats.ended.items()}),
))  # fmt: skip
QUEUE_FULL: Shape[QueueStats] = Shape("QueueDetail", (
    *QUEUE_NOW.parts,
    Part("per_minute", SECONDS, "jobs that ended within the last sixty seconds"),
    Part("oldest_s", SECONDS, "seconds that the oldest has waited since it was due, ready or held back"),
    Part("waits_s", PERCENTILES, "how long attempts of an hour waited", lambda stats: _percentiles(stats.waits_s)),
    Part("runs_s", PERCENTILES, "how long they ran", lambda stats: _percentiles(stats.runs_s)),
    Part("crowded", WHOLE, "held back by resources in use that its workers offer: more workers would start them"),
    Part("workers", WHOLE, "engines that serve it"),
    Part("held_back", {"type": "object", "additionalProperties": WHOLE}, "what holds jobs back, in words -> how many",
         _held_back),
))  # fmt: skip
WORKER: Shape[EngineInfo] = Shape("Worker", (
    Part("id", TEXT, "names the engine"),
    Part("host", TEXT, "its machine"),
    Part("pid", WHOLE, "its process"),
    Part("python", TEXT, "its Python"),
    Part("version", TEXT, "its nbqueue"),
    Part("queues", TEXTS, "the queues it serves"),
    Part("functions", TEXTS, "the functions it knows by name"),
    Part("only_registered", FLAG, "whether it runs no others"),
    Part("slots", WHOLE, "jobs that it may run at once"),
    Part("running", WHOLE, "jobs that it runs"),
    Part("resources", {"type": "object", "additionalProperties": {"type": "number"}}, "what it offers",
         lambda engine: dict(engine.resources)),
    Part("started_at", MOMENT, "when it started"),
    Part("cpu_percent", SECONDS, "of its processes; 100 is one core"),
    Part("memory_bytes", {"type": ["integer", "null"]}, "the memory they hold"),
))  # fmt: skip
SCHEDULE: Shape[ScheduleRecord] = Shape("Schedule", (
    Part("name", TEXT, "its name"),
    Part("state", {"type": "string", "enum": [str(state) for state in ScheduleState]}, "where it stands"),
    Part("function", TEXT, "the function's name"),
    Part("queue", TEXT, "the queue of its jobs"),
    Part("times", TEXT, "when it runs, in words", lambda record: record.times.words if record.times else ""),
    Part("next_at", MOMENT, "when it runs next"),
    Part("last_at", MOMENT, "the last time that was run"),
    Part("last_job", TEXT, "the last job of it"),
    Part("runs", WHOLE, "runs so far"),
    Part("skipped", WHOLE, "times left out because the last run still lived"),
    Part("error", TEXT, "why it was refused"),
))  # fmt: skip
