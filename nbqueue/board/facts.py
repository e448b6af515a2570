"""What a dashboard knows of the server at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nbqueue.board.activity import Chart
from nbqueue.board.group_row import GroupRow
from nbqueue.board.own import Own
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.model.job import JobRecord
from nbqueue.model.limits import Limit
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """One queue."""

    stats: QueueStats
    #: jobs of it that ended within the last minute
    per_minute: float = 0.0
    #: since how many seconds the oldest that may start has waited; None where none does
    oldest_s: float | None = None
    #: that nobody serves it though jobs have waited for a while, in a sentence; or nothing
    lack: str = ""


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
    #: queues that are not among them, and are only counted
    rest: tuple[QueueFacts, ...] = ()
    engines: tuple[EngineInfo, ...] = ()
    #: jobs that wait or run and jobs that have ended, as far as they were looked up
    jobs: tuple[JobRecord, ...] = ()
    #: group id -> its row in the place of its jobs
    groups: Mapping[str, GroupRow] = field(default_factory=dict)
    #: what this notebook has submitted; None where that was not asked for
    own: Own | None = None
    #: limits that are set, by what they are for: `q:<queue>`, `f:<function>`, `k:<key>`
    limits: Mapping[str, Limit] = field(default_factory=dict)
    #: job id -> what it waits for and no worker has, in a sentence
    lacks: Mapping[str, str] = field(default_factory=dict)
    #: the queue whose waiting and running jobs alone are listed; empty: all
    queue: str = ""
    #: queue -> jobs that wait or run there and were not looked up; none where all were
    unseen: Mapping[str, int] = field(default_factory=dict)
    #: states in which more jobs may have ended than were looked up
    older: frozenset[State] = frozenset()
    chart: Chart | None = None
    #: one for each window
    charts: tuple[Chart, ...] = ()
    #: why nothing newer is known, in a sentence
    problem: str = ""
    #: that the server is nearly full, in a sentence
    warning: str = ""

    @property
    def left_out(self) -> int:
        """How many queues are not listed."""
        return len(self.rest)

    @property
    def stats(self) -> tuple[QueueStats, ...]:
        """The numbers of all queues, also of those that are not listed."""
        return tuple(each.stats for each in (*self.queues, *self.rest))
