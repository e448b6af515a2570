"""What a dashboard knows of the server at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.model.job import JobRecord
from nbqueue.notebook.board.activity import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """One queue."""

    stats: QueueStats
    #: jobs of it that ended within the last minute
    per_minute: float = 0.0
    #: since how many seconds the oldest that may start has waited; None where none does
    oldest_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it."""

    #: grows with each look
    version: int = 0
    #: the server's clock; None where it was not heard from
    at: datetime | None = None
    #: the clock of this process then
    heard_s: float = 0.0
    queues: tuple[QueueFacts, ...] = ()
    #: queues that are not among them
    left_out: int = 0
    engines: tuple[EngineInfo, ...] = ()
    #: jobs that wait or run and jobs that have ended, as far as they were looked up
    jobs: tuple[JobRecord, ...] = ()
    #: jobs that wait or run and were not looked up
    unseen: int = 0
    chart: Chart | None = None
    #: why nothing newer is known, in a sentence
    problem: str = ""
