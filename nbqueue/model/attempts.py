"""What is known of one attempt at a job that ended: a line of the history, as a value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbqueue.model.job import JobRecord, moment
from nbqueue.model.shown import Shown, plain


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AttemptRecord(Shown):
    """An attempt that ended. Times are UTC, on the server's clock."""

    #: from 1; 0 where the job ended without having started
    number: int
    #: a final state, "retried" (an error that was followed by another attempt), or "lost" (its worker was)
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: the engine that ran it
    worker: str = ""
    #: class name and first 500 characters of its error
    error_type: str = ""
    error: str = ""
    #: where it was retried, the last lines of its traceback; that of the last attempt comes with JobFailed
    traceback: str = ""

    def __repr__(self) -> str:
        """What people look for first; the fields say the rest."""
        ended = [f"ended {self.finished_at:%Y-%m-%d %H:%M:%S} UTC"] if self.finished_at is not None else []
        error = [plain(f"{self.error_type}: {self.error}")] if self.error_type else []
        return f"<AttemptRecord {self.number}: {', '.join([plain(self.state), *ended, *error])}>"


def running_attempt(record: JobRecord) -> AttemptRecord:
    """The attempt that a job is at."""
    number = record.tries + record.crashes + record.losses + 1
    return AttemptRecord(number=number, state="running", started_at=record.started_at, worker=record.worker)


def of_history(text: bytes, job_id: str, ended_ms: int) -> AttemptRecord | None:
    """The attempt of a line of the history; None where it is another job's, or no JSON: anybody may write it."""
    if job_id.encode() not in text:
        return None
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("job") != job_id:
            return None
        return AttemptRecord(
            number=int(found.get("attempt", 0)), state=str(found.get("state", "")),
            started_at=moment(found.get("started")), finished_at=moment(ended_ms), worker=_text(found, "worker"),
            error_type=_text(found, "error_type"), error=_text(found, "error"), traceback=_text(found, "traceback"),
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name, "")
    return value if isinstance(value, str) else ""
