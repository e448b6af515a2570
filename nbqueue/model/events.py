"""What a follower of jobs is told, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nbqueue.model.progress import Progress
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged:
    """A job is in another state (durable: from the event stream)."""

    job_id: str
    state: State
    at: datetime
    #: number of the claim it belongs to; 0 before the first
    fence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """A job reported progress or metrics (published: the last one counts)."""

    job_id: str
    progress: Progress
    fence: int = 0
    #: seconds since the attempt began, on the clock of its worker; None where that is not known
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Lines of a job's log (published; the kept log is read by `job.logs()`)."""

    job_id: str
    text: str
    fence: int = 0
    #: bytes of the job's log that come before it; None where that is not known
    after_bytes: int | None = None


Event = StateChanged | Progressed | Logged
