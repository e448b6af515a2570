"""The columns of a history frame: what each means, its unit, and the field of the record it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbqueue.model.states import FINAL

Kind = Literal["text", "category", "state", "time", "int", "float", "object"]

#: how an attempt can have ended: a job's final states, or its worker was lost and it ran again, or it is retried
STATES = (*sorted(state.value for state in FINAL), "lost", "retried")
#: what the record of an attempt that is followed by another says, and what the frame says
REPEATED = {"queued": "retried", "scheduled": "retried"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    #: how it is typed: see `DTYPES`
    kind: Kind
    about: str
    #: the record's field ("ended" and "entry": of the entry's id); empty: worked out from other columns
    field: str = ""

    @property
    def stored(self) -> bool:
        """Whether it is read, not worked out."""
        return bool(self.field)


#: kind -> pandas dtype; missing values are NA, NaT, NaN or None
DTYPES: dict[Kind, str] = {
    "text": "string",
    "category": "category",
    "state": "category",
    "time": "datetime64[ms, UTC]",
    "int": "Int64",
    "float": "float64",
    "object": "object",
}

COLUMNS: tuple[Column, ...] = (
    Column("job", "text", "id of the job", "job"),
    Column("attempt", "int", "number of the attempt; 0 for a job that never started", "attempt"),
    Column("state", "state", "how it ended: a final state, lost (its worker died) or retried", "state"),
    Column("queue", "category", "queue", "queue"),
    Column("function", "category", "qualified name of the function", "function"),
    Column("label", "text", "what the card showed", "label"),
    Column("group", "text", "id of the group it belongs to", "group"),
    Column("parent", "text", "id of the job that submitted it from inside", "parent"),
    Column("retry_of", "text", "id of the job that it is a retry of", "retry_of"),
    Column("priority", "int", "-99 to 99, more is sooner", "priority"),
    Column("tags", "object", "tuple of strings", "tags"),
    Column("submitted_at", "time", "when the server accepted the job", "submitted"),
    Column("due_at", "time", "when it might start", "due"),
    Column("started_at", "time", "when the attempt was claimed", "started"),
    Column("finished_at", "time", "when the attempt ended", "ended"),
    Column("wait_s", "float", "seconds from due (or submitted) to started"),
    Column("duration_s", "float", "seconds from started to finished"),
    Column("cpu_s", "float", "CPU seconds of the process that ran it", "cpu_s"),
    Column("peak_bytes", "int", "peak resident memory of that process", "peak_bytes"),
    Column("payload_bytes", "int", "size of the arguments", "payload_bytes"),
    Column("result_bytes", "int", "size of the result", "result_bytes"),
    Column("tries", "int", "attempts charged to the job so far", "tries"),
    Column("worker", "category", "engine that ran it", "worker"),
    Column("host", "category", "machine it ran on", "host"),
    Column("error_type", "category", "class name of the error", "error_type"),
    Column("error", "text", "first line of the error", "error"),
    Column("exit_code", "int", "exit code of a process that died", "exit_code"),
    Column("signal", "int", "signal that ended the process", "signal"),
    Column("stopped_by", "category", "timeout or cancel, where it was asked to stop", "stopped_by"),
    Column("progress", "object", "last progress as a dict: done, total, message, metrics", "progress"),
    Column("python", "category", "Python version of the worker", "py"),
    Column("version", "category", "nbqueue version of the worker", "v"),
    Column("entry", "text", "id in the history; give the last one as since= to read on after it", "entry"),
)
